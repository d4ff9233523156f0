/** The one function of pg's own that its types leave out: how it turns a parameter into text. */
declare module 'pg/lib/utils.js' {
  const utils: { readonly prepareValue: (value: unknown) => unknown };
  export default utils;
}
