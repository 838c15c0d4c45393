// The Worker with objects whose storage can be rewound, which workerd does not support locally: when the object
// restarts, the later part of a connector's status history is gone.

import { ConnectorObject as Connector } from "./worker.js";

export { Directory, default } from "./worker.js";

export class ConnectorObject extends Connector {
  constructor(ctx, env) {
    const { storage } = ctx;
    const [found] = storage.sql.exec("SELECT 1 FROM sqlite_master WHERE name = 'rewind'").toArray();
    if (found) {
      storage.sql.exec("DELETE FROM history WHERE at > (SELECT at FROM rewind); DROP TABLE rewind");
    }
    super(ctx, env);
    storage.getBookmarkForTime = async (time) => new Date(time).toISOString();
    storage.onNextSessionRestoreBookmark = async (bookmark) => {
      storage.sql.exec("CREATE TABLE rewind AS SELECT ? AS at", bookmark);
      return "undo";
    };
  }
}
