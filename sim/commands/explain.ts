import { readFileSync } from 'node:fs';
import { wrap } from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { nearest } from '../nearest.js';
import { show } from '../screen.js';
import { textWidth } from '../terminal.js';
import { UsageError } from '../usage-error.js';

/** What the words of the output mean is said in these documents, in tables: each row begins with what it explains. */
const DOCUMENTS = ['docs/legend.md', 'docs/command-line.md'];
const ROOT = new URL('../../', import.meta.url);

interface Entry {
  /** As it is printed, or typed. */
  readonly words: readonly string[];
  readonly heading: string;
  /** Further cells, each with the name of its column where that has one. */
  readonly said: readonly string[];
}

export async function explainCommand(word: string): Promise<number> {
  const entries = DOCUMENTS.flatMap((path) => entriesIn(readFileSync(new URL(path, ROOT), 'utf8')));
  const found = look(entries, word);
  if (found.length === 0) throw unknownWord(entries, word);
  const width = textWidth(process.stdout);
  show(`${found.map((entry) => shown(entry, width)).join('\n\n')}\n`);
  return EXIT.fine;
}

/** Rows that are about exactly this word; where there are none, those in which it stands. */
export function look(entries: readonly Entry[], word: string): readonly Entry[] {
  const wanted = word.trim().toLowerCase();
  if (wanted === '') return [];
  const matches = (isIt: (candidate: string) => boolean) => entries.filter(({ words }) => words.some((item) => isIt(item.toLowerCase())));
  const exact = matches((item) => item === wanted || item.replace(/^--/, '').split(/[ =[]/)[0] === wanted.replace(/^--/, ''));
  return exact.length > 0 ? exact : matches((item) => item.includes(wanted));
}

/** The rows of all tables in a page of Markdown. */
export function entriesIn(markdown: string): Entry[] {
  const entries: Entry[] = [];
  let heading = '';
  let columns: string[] | null = null;
  let isFenced = false;
  for (const line of markdown.split('\n')) {
    if (line.startsWith('```')) isFenced = !isFenced;
    if (isFenced) continue;
    if (/^#+ /.test(line)) heading = line.replace(/^#+ /, '');
    if (!line.startsWith('|')) columns = null;
    else if (columns === null) columns = cellsOf(line);
    else if (!/^\|[\s:|-]+$/.test(line)) {
      const [first = '', ...rest] = cellsOf(line);
      const words = [...first.matchAll(/`([^`]+)`/g)].map(([, text]) => text!);
      const said = rest.map((cell, index) => {
        const name = columns![index + 1] ?? '';
        return cell === '' ? '' : name === '' || /^(meaning|what it is|why)$/.test(name) ? plain(cell) : `${name}: ${plain(cell)}`;
      });
      const about = plain(first)
        .replace(words[0] ?? '', '')
        .replace(/^: /, '');
      entries.push({
        words: words.length === 0 ? [plain(first)] : words,
        heading,
        said: [...(words.length === 1 && about !== '' ? [about] : []), ...said],
      });
    }
  }
  return entries;
}

const cellsOf = (line: string): string[] =>
  line
    .replace(/^\||\|\s*$/g, '')
    .split(/(?<!\\)\|/)
    .map((cell) => cell.trim().replaceAll('\\|', '|'));

/** Without Markdown's signs: links by their text, code by itself. */
const plain = (text: string): string => text.replace(/\[([^\]]+)\]\([^)]*\)/g, '$1').replaceAll('`', '');

function shown({ words, heading, said }: Entry, width: number): string {
  const lines = said.filter((text) => text !== '').flatMap((text) => wrap(text, width - 2).map((line) => `  ${line}`));
  return [`${words.join(', ')}   (${heading})`, ...lines].join('\n');
}

function unknownWord(entries: readonly Entry[], word: string): UsageError {
  const known = [...new Set(entries.flatMap(({ words }) => words))];
  const meant = nearest(word, known);
  return new UsageError(
    `nothing is known of "${word}"`,
    meant.length > 0
      ? `Did you mean ${meant.join(', ')}?`
      : 'A verdict (proved, vacuous, ...), a line of the output (witnesses, coarse, ...), a limit, an exit code or an option is wanted',
  );
}
