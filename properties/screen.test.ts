import { describe, expect, test } from 'vitest';
import { EXIT } from '../sim/exit-codes.js';
import { printable } from '../sim/screen.js';
import { useColor } from '../sim/terminal.js';
import { encodeToken } from '../src/index.js';
import { scratchDirectory, sim, simHere, writeScenario } from './cli-process.js';

const RED = '\u001b[31m';
const CLEAR = '\u001b[2J';

describe('text from outside cannot steer the terminal', () => {
  test.each([
    ['an escape sequence', `a${CLEAR}b`, 'a\\u001b[2Jb'],
    ['one of a single byte', 'a\u009b2Jb', 'a\\u009b2Jb'],
    ['a bell, a backspace, a carriage return', 'a\u0007\u0008\rb', 'a\\u0007\\u0008\\u000db'],
    ['text turned round', 'a\u202eb', 'a\\u202eb'],
    ['a link', 'a\u001b]8;;http://x\u0007b', 'a\\u001b]8;;http://x\\u0007b'],
  ])('%s', (_, text, shown) => {
    expect(printable(text)).toBe(shown);
    expect(printable(text, true)).toBe(shown);
  });

  test('lines, tabs, letters of any script and our own colours stay', () => {
    const text = 'ünï ☂ 日本\n\tb';
    expect(printable(text)).toBe(text);
    expect(printable(`${RED}x\u001b[0m`, true)).toBe(`${RED}x\u001b[0m`);
    expect(printable(`${RED}x`)).toBe('\\u001b[31mx');
  });

  test("a scenario's name, its SQL and its messages", async () => {
    const directory = scratchDirectory();
    const file = writeScenario(directory, 'unsafe', {
      book: `\n    await client.query("SELECT '${CLEAR}' AS x");\n    throw new Error('${CLEAR}');`,
    });
    const { stdout, stderr } = await sim('--scenario', file, '--engine', 'model', '--seed', CLEAR, '--report', directory);
    expect(stdout).toContain('\\u001b[2J');
    expect(`${stdout}${stderr}`).not.toContain('\u001b');
  });

  test('an actor in a token, and a word on the command line', async () => {
    const token = encodeToken({
      plan: {
        scenario: 'events/pessimistic',
        workload: 'pair',
        isolation: 'READ COMMITTED',
        capacity: 1,
        seed: '1',
        actors: [{ name: `x${CLEAR}`, operation: `bookSeats${CLEAR}`, input: {} }],
      },
      schedule: [],
      hashes: [],
      violation: null,
    });
    for (const given of [
      ['replay', token, '--engine', 'model'],
      [`frob${CLEAR}`],
      ['--workers', `${CLEAR}`],
      ['--scenario', `no/such${CLEAR}`],
    ]) {
      const { code, stdout, stderr } = await simHere(...given);
      expect(code).not.toBe(EXIT.fine);
      expect(`${stdout}${stderr}`).not.toContain('\u001b');
    }
  });

  test('a password is not repeated, however its URL is written', async () => {
    const { stderr } = await simHere('--workers', 'Postgres://u:secret@h/d');
    expect(stderr).not.toContain('secret');
  });
});

test('a terminal that is dumb has no colours', () => {
  const terminal = { isTTY: true } as NodeJS.WriteStream;
  expect(useColor(terminal, { TERM: 'dumb' })).toBe(false);
  expect(useColor(terminal, { TERM: 'xterm' })).toBe(true);
});
