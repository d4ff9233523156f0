import { withFewPlans } from '../shared/few-plans.js';
import { rentalVariants } from './variants/index.js';

export const rentalScenarios = withFewPlans(rentalVariants);
