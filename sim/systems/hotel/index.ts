import { withFewPlans } from '../shared/few-plans.js';
import { hotelVariants } from './variants/index.js';

export const hotelScenarios = withFewPlans(hotelVariants);
