// The theme: the system's, unless the user has chosen one.

const KEY = "theme";
const themes = ["system", "light", "dark"];

export const theme = {
  get: () => themes.find((name) => name === localStorage.getItem(KEY)) ?? "system",
  /** The one that comes after it.
   * @param {string} name */
  next: (name) => themes[(themes.indexOf(name) + 1) % themes.length],
  /** @param {string} name */
  set(name) {
    if (name === "system") localStorage.removeItem(KEY);
    else localStorage.setItem(KEY, name);
    theme.apply();
  },
  apply() {
    document.documentElement.dataset.theme = theme.get();
  },
};
