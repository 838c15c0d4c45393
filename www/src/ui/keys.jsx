// The console's keyboard shortcuts.

import { Dialog } from "./dialog.jsx";

const keys = [
  ["/", "Search the list"],
  ["↑ ↓", "Move between rows"],
  ["Enter", "Open the connector"],
  ["Esc", "Back to the list; leave the search"],
  ["?", "Show keyboard shortcuts"],
];

/** @param {{ onClose: () => void }} props */
export default function Keys({ onClose }) {
  return (
    <Dialog id="keys-title" title="Keyboard shortcuts" onSubmit={onClose} onClose={onClose} cancel="Close">
      <dl class="keys">
        {keys.map(([key, what]) => <div key={key}><dt><kbd>{key}</kbd></dt><dd>{what}</dd></div>)}
      </dl>
    </Dialog>
  );
}
