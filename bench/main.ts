/** Measures lastseat on this machine; `--help` says how. Figures are medians, and nothing fails because it is slow. */
import { writeFileSync } from 'node:fs';
import { cpus } from 'node:os';
import { parseArgs } from 'node:util';
import { type Figure, type Measurement, type Report, toFigure } from './figure.js';
import { everyOrder } from './measures/every-order.js';
import { firstCounterexample } from './measures/first-counterexample.js';
import { modelCold } from './measures/model-cold.js';
import { modelExploration } from './measures/model-exploration.js';
import { modelSchedules } from './measures/model-schedules.js';
import { modelUnmerged } from './measures/model-unmerged.js';
import { postgresSchedules } from './measures/postgres-schedules.js';
import { Servers } from './servers.js';
import { toTable } from './table.js';

const MEASUREMENTS: readonly Measurement[] = [
  modelExploration,
  modelCold,
  modelUnmerged,
  modelSchedules,
  postgresSchedules,
  everyOrder,
  firstCounterexample,
];

const QUICK_SECONDS = 0.1;
const DEFAULT_SECONDS = 3;
const INTERRUPTED = 130;
const BAD_USAGE = 2;

const HELP = `Usage: npm run bench -- [options]

Measures lastseat on this machine, side by side with what it is compared to, and prints medians and ratios. Nothing fails
because it is slow.

  --only NAME       one measurement: ${MEASUREMENTS.map(({ name }) => name).join(', ')}
  --seconds N       for each figure (default ${DEFAULT_SECONDS})
  --quick           one sample each, to see that it works
  --json FILE       the figures as JSON; "-" writes them to standard output, and nothing else there
  --help            this text
`;

interface Options {
  readonly json: string | null;
  readonly seconds: number;
  readonly quick: boolean;
  readonly measurements: readonly Measurement[];
}

/** Null where help was asked for. */
function readOptions(): Options | null {
  const { values } = parseArgs({
    options: {
      json: { type: 'string' },
      seconds: { type: 'string' },
      quick: { type: 'boolean', default: false },
      only: { type: 'string' },
      help: { type: 'boolean', short: 'h', default: false },
    },
  });
  if (values.help) return null;
  const { json = null, quick, only } = values;
  const seconds = values.seconds === undefined ? (quick ? QUICK_SECONDS : DEFAULT_SECONDS) : Number(values.seconds);
  if (!(seconds > 0)) throw new TypeError(`--seconds takes a number above 0, and not ${values.seconds}`);
  const measurements = MEASUREMENTS.filter(({ name }) => only === undefined || name === only);
  if (measurements.length === 0)
    throw new TypeError(`there is no measurement "${only}"; there are: ${MEASUREMENTS.map(({ name }) => name).join(', ')}`);
  return { json, seconds, quick, measurements };
}

async function measureAll({ seconds, quick, measurements }: Options, servers: Servers): Promise<Report> {
  const since = performance.now();
  const figures: Figure[] = [];
  for (const { name, measure } of measurements) {
    const command = `npm run bench -- --only ${name}${quick ? ' --quick' : ` --seconds ${seconds}`}`;
    const measured = await measure({ seconds, quick }, (text) => console.error(text), servers);
    figures.push(...measured.map((item) => toFigure(item, command)));
  }
  return {
    format: 'lastseat.bench.v1',
    node: process.versions.node,
    postgres: servers.version,
    cpus: cpus().length,
    cpuModel: cpus()[0]?.model ?? 'unknown',
    seconds,
    quick,
    elapsedMs: performance.now() - since,
    figures,
  };
}

async function main(): Promise<void> {
  let options: Options | null;
  try {
    options = readOptions();
  } catch (error) {
    console.error(`${(error as Error).message}\n\n${HELP}`);
    process.exitCode = BAD_USAGE;
    return;
  }
  if (options === null) {
    process.stdout.write(HELP);
    return;
  }
  const servers = new Servers();
  let closing: Promise<void> | null = null;
  for (const signal of ['SIGINT', 'SIGTERM'] as const)
    process.once(signal, () => {
      closing = servers.closeAll().finally(() => process.exit(INTERRUPTED));
    });
  let report: Report;
  try {
    report = await measureAll(options, servers);
  } catch (error) {
    // A measurement whose server is closed under it fails; that is no error of its own.
    await closing;
    throw error;
  }
  const text = `${JSON.stringify(report, null, 2)}\n`;
  if (options.json === '-') process.stdout.write(text);
  else process.stdout.write(toTable(report));
  if (options.json !== null && options.json !== '-') writeFileSync(options.json, text);
}

await main();
