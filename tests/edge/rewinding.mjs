// The Worker with objects whose storage can be taken back, which that of a local workerd cannot: of a connector that
// was only ever moved, what its history has of later is gone when the object starts anew.

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
