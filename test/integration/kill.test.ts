/** A broker killed and stopped under live clients, a few times; test/clients does it more often. */
import { killScenario } from '../clients/kill-nine.ts'
import { describeScenarios } from '../support/small-lane.ts'

describeScenarios([killScenario])
