/**
 * The one way to the terminal. Text from outside is in nearly all that is printed: names and messages of a scenario, SQL and rows, tokens out of a pull request,
 * arguments in complaints. What of it could steer a terminal, or turn text round, is shown and not sent.
 */
import { useColor } from './terminal.js';

/** Control characters, and format characters such as those that change the direction of text (Unicode, UAX 9). */
const STEERING = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/gu;
/** Ends of lines, tabs, and what joins letters and parts of emoji. */
const HARMLESS: ReadonlySet<string> = new Set(['\n', '\t', '\u200c', '\u200d']);
/** The colours that we use. */
const COLOURS = new RegExp(`(${String.fromCharCode(27)}\\[(?:0|31|32)m)`);

/** The text with each such character as JSON writes it: `\u001b`. `colours`: ours stay. */
export function printable(text: string, colours = false): string {
  if (colours)
    return text
      .split(COLOURS)
      .map((part, index) => (index % 2 === 1 ? part : printable(part)))
      .join('');
  return text.replace(/\r\n/g, '\n').replace(STEERING, (sign) => (HARMLESS.has(sign) ? sign : asJson(sign)));
}

const asJson = (sign: string): string =>
  Array.from({ length: sign.length }, (_, at) => `\\u${sign.charCodeAt(at).toString(16).padStart(4, '0')}`).join('');

const write = (stream: NodeJS.WriteStream, text: string): void => {
  stream.write(printable(text, useColor(stream)));
};

/** To standard output, or to the stream that stands for it. */
export const show = (text: string, stream: NodeJS.WriteStream = process.stdout): void => write(stream, text);
/** To standard error: progress and complaints. */
export const complain = (text: string): void => write(process.stderr, text);
