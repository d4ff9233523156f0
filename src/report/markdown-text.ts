/** Text from outside within Markdown: it stays text, whatever it is. */

/** One line, in which Markdown's and HTML's own signs have no meaning. */
export const inline = (text: string): string => text.replace(/\s+/g, ' ').replace(/[\\`*[\]<>|&]/g, (sign) => `\\${sign}`);

/** A block of code, in a fence that is longer than any in the text. */
export function fenced(text: string, language: string): string[] {
  const longest = Math.max(2, ...(text.match(/`+/g) ?? []).map(({ length }) => length));
  const fence = '`'.repeat(longest + 1);
  return [`${fence}${language}`, text, fence];
}
