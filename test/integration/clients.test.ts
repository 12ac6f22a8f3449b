/** One broker as a process, kafkajs, @platformatic/kafka and a restart; test/clients in full. */
import { kafkajsScenario } from '../clients/kafkajs.ts'
import { platformaticScenario } from '../clients/platformatic.ts'
import { restartScenario } from '../clients/restart.ts'
import { describeScenarios } from '../support/small-lane.ts'

describeScenarios([kafkajsScenario, platformaticScenario, restartScenario])
