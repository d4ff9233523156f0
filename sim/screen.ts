/**
 * The one way to the terminal. Text from outside is in nearly all that is printed: names and messages of a scenario, SQL and rows, tokens out of a pull request,
 * arguments in complaints. What of it could steer a terminal, or turn text round, is shown and not sent.
 */
import { useColor } from './terminal.js';

/** Control characters but for line ends and tabs, and those that change the direction of text (Unicode, UAX 9). */
const STEERING = /[\u0000-\u0008\u000b-\u001f\u007f-\u009f\u061c\u200e\u200f\u2028\u2029\u202a-\u202e\u2066-\u2069\ufeff]/g;
/** The colours that we use. */
const COLOURS = /(\u001b\[(?:0|31|32)m)/;

/** The text with each such character as JSON writes it: `\u001b`. `colours`: ours stay. */
export function printable(text: string, colours = false): string {
  if (colours)
    return text
      .split(COLOURS)
      .map((part, index) => (index % 2 === 1 ? part : printable(part)))
      .join('');
  return text.replace(/\r\n/g, '\n').replace(STEERING, (sign) => `\\u${sign.charCodeAt(0).toString(16).padStart(4, '0')}`);
}

const write = (stream: NodeJS.WriteStream, text: string): void => {
  stream.write(printable(text, useColor(stream)));
};

/** To standard output, or to the stream that stands for it. */
export const show = (text: string, stream: NodeJS.WriteStream = process.stdout): void => write(stream, text);
/** To standard error: progress and complaints. */
export const complain = (text: string): void => write(process.stderr, text);
