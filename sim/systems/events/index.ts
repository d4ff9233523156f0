import { withFewPlans } from '../shared/few-plans.js';
import { eventsVariants } from './variants/index.js';

export const eventsScenarios = withFewPlans(eventsVariants);
