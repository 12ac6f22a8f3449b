/**
 * Recorded runs of Kafka's command-line tools (test/golden/cli, see its README): a `$` line as typed,
 * optional `# stdin:`, `# exit`, then what came on stdout and stderr. Usage texts and stack frames
 * are cut there.
 */
import { readFileSync } from 'node:fs'
import { fileURLToPath } from 'node:url'

export interface GoldenRun {
  readonly tool: string
  readonly args: readonly string[]
  readonly stdin: string
  readonly exit: number
  readonly stdout: string
  readonly stderr: string
}

export function goldenRuns(tool: string): GoldenRun[] {
  const path = fileURLToPath(new URL(`../golden/cli/${tool}.txt`, import.meta.url))
  return readFileSync(path, 'utf8')
    .split(/^(?=\$ )/m)
    .map(parseRun)
}

function parseRun(text: string): GoldenRun {
  const [command = '', ...lines] = text.trimEnd().split('\n')
  const [tool = '', ...args] = words(command.slice(2))
  const stdin = lines.find((line) => line.startsWith('# stdin: '))?.slice('# stdin: '.length)
  const exit = lines.find((line) => line.startsWith('# exit '))?.slice('# exit '.length)
  const out = lines.indexOf('--- stdout')
  const err = lines.indexOf('--- stderr')
  const end = err < 0 ? lines.length : err
  const said = (from: number, to: number): string => {
    const part = lines.slice(from, to).join('\n')
    return part === '(none)' ? '' : part
  }
  return {
    tool,
    args,
    stdin: stdin === undefined ? '' : JSON.parse(stdin),
    exit: Number(exit),
    stdout: out < 0 ? '' : said(out + 1, end),
    stderr: err < 0 ? '' : said(err + 1, lines.length),
  }
}

/** Words of a shell line with quotes of both kinds. */
function words(line: string): string[] {
  return [...line.matchAll(/(?:[^\s"']|"[^"]*"|'[^']*')+/g)].map(([word]) =>
    word.replace(/["']/g, ''),
  )
}

/** What differs from run to run, or was cut when it was recorded. */
export function maskOutput(text: string): string {
  return text
    .replace(/TopicId: \S+/g, 'TopicId: <TOPIC-ID>')
    .replace(/(CreateTime|LogAppendTime):\d+/g, '$1:<MS>')
    .replace(/^ {2}--\w[\s\S]*$/m, '<USAGE>')
    .replace(/^joptsimple\.\S+: .*$/m, '')
    .trim()
}
