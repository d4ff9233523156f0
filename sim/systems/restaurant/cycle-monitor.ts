import { cycleMonitors as cycleMonitorsOf } from '../shared/monitors/cycle-monitors.js';
import { restaurantBackup } from './backup-format.js';

export const cycleMonitors = cycleMonitorsOf(restaurantBackup);
