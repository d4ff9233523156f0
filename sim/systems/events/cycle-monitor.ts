import { cycleMonitors as cycleMonitorsOf } from '../shared/monitors/cycle-monitors.js';
import { eventsBackup } from './backup-format.js';

export const cycleMonitors = cycleMonitorsOf(eventsBackup);
