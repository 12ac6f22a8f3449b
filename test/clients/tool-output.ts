/** What a run of a tool said, without what differs from run to run: two runs compared line by line. */

export interface ToolRun {
  readonly code: number
  readonly stdout: string
  readonly stderr: string
}

/**
 * The exit code, then the lines of both streams by their text, as Kafka's come in the order of hash
 * maps. `prefix` begins this run's names; `folder` holds its files.
 */
export function maskRun(run: ToolRun, address: string, prefix: string, folder: string): string[] {
  const masked = (text: string): string[] =>
    withoutUsage(text)
      .replaceAll(address, 'ADDRESS')
      .replaceAll(folder, 'FOLDER')
      .replace(/\/tmp\/[\w-]+\/(both-ways-kafka\/data|broker-\w+)/g, 'DATA')
      .replace(/^(Exception in thread "main" |Caused by: )?joptsimple\.[\w.]+: /gm, '')
      .replace(/(Epoch: |HighWatermark: +)\d+/g, '$1N')
      .replaceAll(`${prefix}-`, '@')
      .replace(/\blocalhost\b|\b127\.0\.0\.1\b/g, 'HOST')
      .replace(/\d{4}-\d\d-\d\d[ T]\d\d:\d\d:\d\d[:.,]\d{3}/g, 'TIME')
      .replace(/(TopicId: )\S{22}/g, '$1ID')
      .replace(/((?:Create|LogAppend)Time:)\d+/g, '$1MS')
      .replace(/[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}/g, 'UUID')
      .replace(/(?<=\s)[\w-]{22}(?=\s)/g, 'ID')
      .split('\n')
      .map((line) => (LISTS.test(line) ? sortedWords(line) : line.trimEnd()))
      .filter((line, at, all) => line !== '' && !NOISE.test(line) && all.indexOf(line) === at)
  const [out, err] = [masked(run.stdout), masked(run.stderr)]
  const plain = [...out, ...err].filter((line) => !EXCEPTION.test(line))
  const told = (line: string): boolean => {
    const message = EXCEPTION.exec(line)?.[1]
    return message !== undefined && plain.some((other) => other.includes(message))
  }
  return [
    `exit ${run.code}`,
    ...out.filter((line) => !told(line)).sort(),
    ...err
      .filter((line) => !told(line))
      .map((line) => `stderr: ${line}`)
      .sort(),
  ]
}

/** Sets that come in another order each time. */
const LISTS = new RegExp(
  ['requires one of', 'takes the following', 'takes one of', 'Option combination'].join('|') +
    '|only accepts one|Valid \\w+ are',
)

function sortedWords(line: string): string {
  return line
    .split(/[\s,]+/)
    .map((word) => word.replace(/[[\]."()]/g, ''))
    .sort()
    .join(' ')
}

/** Java's stack frames, its log lines, and what we say beyond it. */
const NOISE =
  /^\s+at |^SLF4J|^\[TIME\] (ERROR|WARN)|^\t?\.\.\. \d+ more$|^(Caused by: )?java\.lang\.NumberFormat|^ {2}(why|next): /

/** The head of a stack, which repeats what was told. */
const EXCEPTION =
  /^(?:\t?(?:Suppressed|Caused by): )?(?:[\w.]+(?:Exception|Error): )+(?!.*Exception: )(.*)$/

/** What flags there are is told by each in its own way. */
function withoutUsage(text: string): string {
  return text
    .replace(/^Option( \(\* = required\))? +Description[\s\S]*$/m, '')
    .replace(/^ {2}--\w[\s\S]*$/m, '')
    .replace(/^usage: [\s\S]*?(?=^\S+: error: )/m, '')
}
