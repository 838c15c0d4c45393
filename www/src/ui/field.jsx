// One field of a form: its label, its control, and below it a hint or what is wrong.

/**
 * @param {{ id: string, label: any, hint?: any, problem?: string | false, children: any }} props
 *   `children` is the control; it has the id, and `aria-describedby={`${id}-hint`}`
 */
export const Field = ({ id, label, hint, problem, children }) => (
  <div class="field">
    <label for={id}>{label}</label>
    {children}
    <Hint {...{ id, hint, problem }} />
  </div>
);

/** What is wrong with a field, else its hint.
 * @param {{ id: string, hint?: any, problem?: string | false }} props */
export const Hint = ({ id, hint, problem }) => (
  <small id={`${id}-hint`} class={problem ? "problem" : "muted"} role={problem ? "alert" : undefined}>{problem || hint}</small>
);
