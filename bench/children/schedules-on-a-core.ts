/** A process like one of lastseat's workers: on a core of its own with a server of its own. Runs a batch in lockstep each time it is told to, and says how long it took. */
import { onCore } from '../cores.js';
import { timeMs } from '../sampling.js';
import { Servers } from '../servers.js';
import { specificationWith } from '../specification.js';
import { specificationRuns } from '../specification-runs.js';

const [core, blockedSteps, batch, quick] = process.argv.slice(2).map(Number) as [number, number, number, number];
const specification = await specificationWith(blockedSteps, batch);
const told = () => new Promise<unknown>((resolve) => process.once('message', resolve));
await onCore(core, () =>
  new Servers().use(core, async ({ engine }) => {
    const { together, warmUp } = await specificationRuns(specification, engine);
    await warmUp(quick === 1);
    process.send!('warm');
    while ((await told()) === 'run') process.send!(await timeMs(together));
  }),
);
process.disconnect();
