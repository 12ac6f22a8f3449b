/**
 * Topic patterns as Kafka's tools take them (org.apache.kafka.server.util.TopicFilter.IncludeList): a
 * regular expression over the whole name, with commas as alternatives, blanks and outer quotes
 * dropped.
 */
import { KafkaToolExit } from './flags.ts'

export function topicFilter(pattern: string): (name: string) => boolean {
  const cleaned = pattern
    .trim()
    .replaceAll(',', '|')
    .replaceAll(' ', '')
    .replace(/^["']+/, '')
    .replace(/["']+$/, '')
  let regex: RegExp
  try {
    regex = new RegExp(`^(?:${cleaned})$`)
  } catch {
    throw new KafkaToolExit(`${cleaned} is an invalid regex.`)
  }
  return (name) => regex.test(name)
}
