/**
 * docs/differences.md: the APIs served with their versions, beside those of Kafka 4.2 (its recorded
 * ApiVersions answer), and every `differs from Kafka:` note of the sources.
 */
import { readdirSync, readFileSync } from 'node:fs'
import { basename, join } from 'node:path'
import { handlers } from '../../net/handlers/index.ts'
import { packageRoot } from '../package-root.ts'
import { code, type Generated, table } from './page.ts'

const KAFKA_RANGES = 'test/golden/cli/kafka-broker-api-versions.txt'

const AREAS: readonly (readonly [RegExp, string])[] = [
  [/^net\/handlers\/\d/, 'By API'],
  [/^engine\/coordinator\/group/, 'Groups'],
  [/^engine\/coordinator/, 'Topics, options and quotas'],
  [/^engine\/(log|record|compaction|partition)/, 'Records and files'],
  [/^tools\/cli/, 'Commands'],
  [/./, 'The broker'],
]

export function differencesPage(): Generated {
  return new Map([
    ['apis', apiTable()],
    ['differences', differences()],
  ])
}

function apiTable(): string {
  const here = new Map(
    handlers.map(({ apiKey, versions, advertised }) => [apiKey, advertised ?? versions]),
  )
  const rows: string[][] = []
  for (const { name, key, from, to } of kafkaRanges()) {
    const ours = here.get(key)
    const theirs = `${from}–${to}`
    const range = ours === undefined ? 'not served' : `${ours[0]}–${ours[1]}`
    rows.push([`${name} (${key})`, range === theirs ? 'the same' : range, theirs])
  }
  return table(['API', 'Here', 'Kafka 4.2'], rows)
}

interface KafkaRange {
  readonly name: string
  readonly key: number
  readonly from: number
  readonly to: number
}

function kafkaRanges(): KafkaRange[] {
  const text = readFileSync(join(packageRoot, KAFKA_RANGES), 'utf8')
  return [...text.matchAll(/^\t(\w+)\((\d+)\): (\d+)(?: to (\d+))? \[usable/gm)].map(
    ([, name = '', key, from, to]) => ({
      name,
      key: Number(key),
      from: Number(from),
      to: Number(to ?? from),
    }),
  )
}

function differences(): string {
  const byArea = new Map<string, string[]>(AREAS.map(([, area]) => [area, []]))
  for (const path of sources()) {
    const area = AREAS.find(([pattern]) => pattern.test(path))?.[1] ?? ''
    for (const note of notesIn(readFileSync(join(packageRoot, path), 'utf8')))
      byArea.get(area)?.push(`- **${subject(path)}**: ${note} (${code(path)})`)
  }
  return [...byArea]
    .filter(([, notes]) => notes.length > 0)
    .map(([area, notes]) => `### ${area}\n\n${notes.join('\n')}`)
    .join('\n\n')
}

function sources(): string[] {
  return ['net/handlers', 'engine', 'net', 'workers', 'tools']
    .flatMap((folder) =>
      readdirSync(join(packageRoot, folder), { recursive: true, encoding: 'utf8' })
        .filter((path) => path.endsWith('.ts'))
        .map((path) => `${folder}/${path}`)
        .sort(),
    )
    .filter((path, at, all) => all.indexOf(path) === at)
}

/** From the words to the end of their paragraph; a note that only points elsewhere is none. */
export function notesIn(source: string): string[] {
  const notes: string[] = []
  for (const [, rest = ''] of source.matchAll(
    /^ \* [Dd]iffers from Kafka(?:'s)?: ([\s\S]*?)\n \*(?:\/|\n)/gm,
  )) {
    const note = rest.replace(/\s*\n \*\s*/g, ' ').trim()
    if (!/^see \S+$/.test(note)) notes.push(note)
  }
  return notes
}

/** `net/handlers/03-metadata.ts` → Metadata (3). */
function subject(path: string): string {
  const [, key, words = ''] = /^(?:(\d+)-)?(.+)\.ts$/.exec(basename(path)) ?? []
  const name = words.replaceAll('-', ' ')
  if (key === undefined) return name
  const title = name.replace(/(?:^| )(.)/g, (_, letter: string) => letter.toUpperCase())
  return `${title} (${Number(key)})`
}
