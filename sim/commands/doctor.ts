import { inspectProviders, type ProviderReport } from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { show } from '../screen.js';
import { PG_MEM_VERSION, VERSION } from '../version.js';

/** What is here, and what it allows. Exit code 4 where no PostgreSQL can be had, or not the one that was asked for. */
export async function doctor(postgres: string): Promise<number> {
  const reports = await inspectProviders({ choice: postgres });
  const used = reports.find((report) => report.used);
  show(`lastseat ${VERSION} · Node ${process.versions.node} · ${process.platform}-${process.arch} · model pg-mem ${PG_MEM_VERSION}\n\n`);
  show(`${describeProviders(reports)}\n\n`);
  if (used === undefined) {
    const other = reports.find(({ available }) => available);
    const instead = other === undefined ? '' : ` What can be had: --postgres ${other.kind}.`;
    show(`A run finds no PostgreSQL here.${instead} The model alone: npm run sim -- --engine model\n`);
    return EXIT.environment;
  }
  const another = postgres === 'auto' ? '. Another: --postgres, or LASTSEAT_POSTGRES' : '';
  show(`A run uses ${used.kind === 'url' ? 'the URL' : used.kind}${another}\n`);
  return EXIT.fine;
}

export function describeProviders(reports: readonly ProviderReport[]): string {
  const lines = reports.flatMap((report) => {
    const { available, kind, version, detail, hint, allows, limitations } = report;
    const head = `${available ? 'ok' : ' -'} ${kind.padEnd(MARGIN - 4)} `;
    const what = [...(version === null ? [] : [`PostgreSQL ${version}`]), detail].join(': ');
    const can = allows.freezeWaiters && allows.chooseDeadlockVictim ? ['every order of steps can be forced'] : limitations;
    return [`${head}${what}`, ...(hint ?? '').split('\n'), ...(available ? can : [])].filter((line) => line !== '').map(indent);
  });
  if (!reports.some(({ kind }) => kind === 'url'))
    lines.push(` - ${'url'.padEnd(MARGIN - 4)} none is named. A server of your own: --postgres postgres://user@host/database`);
  return lines.join('\n');
}

const MARGIN = 19;
const indent = (line: string, index: number) => (index === 0 ? line : `${' '.repeat(MARGIN)}${line}`);
