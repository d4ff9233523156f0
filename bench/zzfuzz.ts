import inspector from 'node:inspector/promises';
import { writeFileSync, mkdirSync } from 'node:fs';
import { ModelEngine } from '../src/engine/model/engine.js';
import { PostgresEngine } from '../src/engine/postgres/engine.js';
import { openServer } from '../src/index.js';
import { fuzz } from '../src/fuzz/fuzz.js';
import { readCatalogue } from '../src/fuzz/wide/catalogue.js';
const server = await openServer('embedded', {});
const postgres = new PostgresEngine(server);
const engines = { model: new ModelEngine({ major: server.major }), postgres };
const catalogue = await readCatalogue(postgres, server.major);
const se = new inspector.Session(); se.connect(); await se.post('Profiler.enable'); await se.post('Profiler.setSamplingInterval', { interval: 500 }); await se.post('Profiler.start');
const t = performance.now(); const c = process.cpuUsage(); const times: number[] = [];
for (let i = 0; i < 60; i += 1) { const s = performance.now(); await fuzz('prof', i, engines, { maxShrinks: 10, schedules: 3, catalogue }); times.push(performance.now() - s); }
const u = process.cpuUsage(c);
console.log('ms', performance.now() - t, 'cpu', (u.user + u.system) / 1000, times.map((x) => Math.round(x)).join(' '));
const { profile } = await se.post('Profiler.stop'); mkdirSync('/tmp/prof', { recursive: true }); writeFileSync('/tmp/prof/x.cpuprofile', JSON.stringify(profile));
await postgres.close(); await server.close(); process.exit(0);
