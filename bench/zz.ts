import { readFileSync } from 'node:fs';
import { readDivergenceFile } from '/work/main/src/fuzz/fixture.js';
import { caseOf } from '/work/main/src/fuzz/examine.js';
import { scenarioOf } from '/work/main/src/fuzz/scripted.js';
import { ModelEngine } from '/work/main/src/index.js';
import { Machine } from '/work/main/src/machine.js';
const { program, schedule } = readDivergenceFile(readFileSync(process.argv[2]!, 'utf8')) as any;
const { scenario, plan } = scenarioOf(caseOf(program));
const machine = new Machine(scenario, plan, new ModelEngine());
let c: any = await machine.start();
for (const ch of schedule) {
  const r: any = await machine.apply(c, ch);
  c = r.after;
  console.log(ch.actor, r.step?.text ?? '', JSON.stringify(r.step?.outcome ?? r.outcome)?.slice(0, 100));
  const st = (c.engine ?? c.state ?? c.database) as any;
  for (const x of st.serializable) console.log('   T', x.actor, 'began', x.began, 'committed', x.committed, 'reads', [...x.reads].join(), 'writes', [...x.writes].join(), 'doomed', x.doomed);
  console.log('   choices', machine.choices(c).map((x: any) => `${x.actor}${x.kind}`).join(' '));
}
process.exit(0);
