/** The version of the package, put in by the build. */
declare const VERSION: string;

interface JSON {
  /** Where the browser knows it: a number as it was written. */
  rawJSON?(text: string): unknown;
  parse(text: string, reviver: (this: unknown, key: string, value: any, context?: { source?: string }) => unknown): any;
}
