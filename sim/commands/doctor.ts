import { inspectProviders, isUrl, type ProviderReport } from '../../src/index.js';
import { EXIT } from '../exit-codes.js';
import { PG_MEM_VERSION, VERSION } from '../version.js';

/** What is here, and what it allows. Exit code 4 where no PostgreSQL can be had, or not the one that was asked for. */
export async function doctor(postgres: string): Promise<number> {
  const reports = await inspectProviders({ choice: postgres });
  process.stdout.write(
    `lastseat ${VERSION} · Node ${process.versions.node} · ${process.platform}-${process.arch} · model pg-mem ${PG_MEM_VERSION}\n\n`,
  );
  process.stdout.write(`${describeProviders(reports)}\n`);
  const chosen = postgres === 'auto' ? process.env.LASTSEAT_POSTGRES || 'auto' : postgres;
  const wanted = reports.filter(({ kind }) => chosen === 'auto' || kind === (isUrl(chosen) ? 'url' : chosen));
  if (wanted.some((report) => report.available)) return EXIT.fine;
  const what = chosen === 'auto' ? 'No PostgreSQL can be had here' : 'The PostgreSQL that was asked for cannot be had';
  process.stdout.write(`\n${what}. The model alone: npm run sim -- --engine model\n`);
  return EXIT.environment;
}

export function describeProviders(reports: readonly ProviderReport[]): string {
  return reports
    .map((report) => {
      const head = `${report.available ? 'ok' : ' -'} ${report.kind.padEnd(14)} ${report.available ? `PostgreSQL ${report.version ?? '?'}` : 'not available'}`;
      const allows = report.available
        ? [
            `freeze waiters: ${yes(report.allows.freezeWaiters)}`,
            `choose a deadlock's victim: ${yes(report.allows.chooseDeadlockVictim)}`,
            `create databases: ${yes(report.allows.createDatabases)}`,
          ].join(' · ')
        : '';
      return [head, report.detail, allows, ...report.consequences]
        .filter((line) => line !== '')
        .map((line, index) => (index === 0 ? line : `     ${line}`))
        .join('\n');
    })
    .join('\n');
}

const yes = (value: boolean) => (value ? 'yes' : 'no');
