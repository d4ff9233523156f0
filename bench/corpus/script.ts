import { splitStatements } from '../../src/sql/text.js';

/** The statements of a psql script: its own commands, and the data behind COPY FROM stdin, are left out. */
export function statementsOf(script: string): string[] {
  const lines: string[] = [];
  let isData = false;
  for (const line of script.split('\n')) {
    if (isData) {
      isData = line !== '\\.';
    } else if (!/^\s*\\/.test(line)) {
      // `\gset` and its kin end a statement as a semicolon does.
      lines.push(line.replace(/\\(?:g\w*|crosstabview)\b.*$/, ';'));
      isData = /^\s*copy\b.*\bfrom\s+stdin\b/i.test(line);
    }
  }
  return splitStatements(lines.join('\n')).filter((text) => !/:['"]?[a-z]\w*['"]?(?!:)/i.test(text.replace(/::|'[^']*'/g, '')));
}
