import { withFewPlans } from '../shared/few-plans.js';
import { restaurantVariants } from './variants/index.js';

export const restaurantScenarios = withFewPlans(restaurantVariants);
