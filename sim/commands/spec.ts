import { existsSync, readFileSync, statSync } from 'node:fs';
import {
  CrewError,
  explainFailure,
  type IsolationLevel,
  openServer,
  type PostgresServer,
  parseSpecification,
  renderSpecEvent,
  runSpecification,
  SPEC_DEFAULTS,
  type SpecEvent,
  type Specification,
  type SpecOutcome,
  SpecSyntaxError,
  specSummary,
  UnmodelledError,
} from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { onInterrupt } from '../interruption.js';
import { complain, show } from '../screen.js';
import { shellWord } from '../shell-word.js';
import { UsageError } from '../usage-error.js';
import { specFolder, specificationsIn } from './spec-folder.js';

export interface SpecArguments {
  /** A path, of a folder too; `-` is standard input. */
  readonly file: string;
  readonly engine: 'both' | 'model' | 'postgres';
  readonly postgres: string;
  readonly isolation: IsolationLevel | null;
}

/** Standard output gets what isolationtester would print, and nothing else; what is to be said of it goes to standard error. */
export async function specCommand(args: SpecArguments): Promise<number> {
  const start = isFolder(args.file) ? theFolder(args) : theFile(args);
  if (args.engine === 'model') return start(null);
  const server = await openServer(args.postgres);
  let interrupted = false;
  const ignoreInterrupts = onInterrupt(
    () => {
      interrupted = true;
      complain('interrupted: closing the server\n');
      void server.close().finally(() => process.exit(EXIT.interrupted));
    },
    () => process.exit(EXIT.interrupted),
  );
  try {
    return await start(server);
  } catch (error) {
    throw new CrewError(await explainFailure(error, args.file, server));
  } finally {
    // The process ends as soon as the server is closed; what comes of the run meanwhile is of no interest.
    if (interrupted) await new Promise<never>(() => undefined);
    ignoreInterrupts();
    await server.close();
  }
}

type Start = (server: PostgresServer | null) => Promise<number>;

const isFolder = (file: string): boolean => file !== '-' && existsSync(file) && statSync(file).isDirectory();

function theFolder({ file, isolation, engine }: SpecArguments): Start {
  if (specificationsIn(file) === 0)
    throw new UsageError(`the folder ${file} has no file that ends with .spec`, 'Specifications are described in docs/isolationtester.md');
  return (server) => specFolder(file, server, isolation ?? SPEC_DEFAULTS.isolation, engine === 'both');
}

function theFile(args: SpecArguments): Start {
  const specification = read(args.file);
  for (const step of specification.unused) complain(`unused step name: ${step}\n`);
  return (server) => run(specification, args, server);
}

async function run(specification: Specification, args: SpecArguments, server: PostgresServer | null): Promise<number> {
  const isolation = args.isolation ?? SPEC_DEFAULTS.isolation;
  show(`Parsed test spec with ${specification.sessions.length} sessions\n`);
  let outcome: SpecOutcome;
  try {
    outcome = await runSpecification(specification, {
      ...SPEC_DEFAULTS,
      isolation,
      server,
      withModel: args.engine === 'both',
      show: showEvent,
    });
  } catch (error) {
    if (!(error instanceof UnmodelledError)) throw error;
    complain(
      `unmodelled  ${error.message}\nOn a server it runs all the same: npm run sim -- spec ${shellWord(args.file)} --engine postgres\n`,
    );
    return EXIT.inconclusive;
  }
  const postgres = server === null ? null : `${server.version} (${server.kind})`;
  complain(`\n${specSummary(outcome, { postgres, isolation }).join('\n')}\n`);
  return exitCode(outcome);
}

function showEvent(event: SpecEvent): void {
  if (event.kind === 'complaint') complain(`${event.text}\n`);
  else show(renderSpecEvent(event));
}

function exitCode({ failure, judgements, infeasible, exhaustive }: SpecOutcome): number {
  if (failure !== null) return failure.kind === 'limit' ? EXIT.inconclusive : EXIT.usage;
  if (judgements.some(({ kind }) => kind === 'differs')) return EXIT.mismatch;
  const open = judgements.some(({ kind }) => kind === 'unmodelled' || kind === 'undecided');
  return open || (infeasible > 0n && !exhaustive) ? EXIT.inconclusive : EXIT.fine;
}

function read(file: string): Specification {
  if (file !== '-' && !existsSync(file))
    throw new UsageError(`there is no file ${file}`, 'Specifications are described in docs/isolationtester.md');
  const text = readFileSync(file === '-' ? 0 : file, 'utf8');
  try {
    return parseSpecification(text);
  } catch (error) {
    if (!(error instanceof SpecSyntaxError)) throw error;
    const { line, column } = error.position;
    const source = (text.split('\n')[line - 1] ?? '').replaceAll('\t', ' ');
    const place = `${file === '-' ? 'standard input' : file}:${line}:${column}`;
    throw new UsageError(`${place}: ${error.message}\n  ${source}\n  ${' '.repeat(column - 1)}^`, error.hint);
  }
}
