/** kafka-storage and `sluice storage`: recorded runs of Kafka 4.2, folders made, folders refused. */
import { mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, it } from 'vitest'
import { runCli } from '../../../support/cli.ts'
import { goldenRuns } from '../../../support/golden-cli.ts'

const work = mkdtempSync(join(tmpdir(), 'sluice-storage-'))
afterAll(() => rmSync(work, { recursive: true, force: true }))

const CLUSTER = 'c2x1aWNlLXRlc3QtaWQwMA'
const storage = (...args: string[]) => runCli(['kafka-storage', ...args], { cwd: work })

/** Argument problems come without the usage line, which is worded otherwise. */
function said(text: string): string {
  return text
    .replace(/^usage: .*\n/, '')
    .replace(/\s+/g, ' ')
    .trim()
}

function properties(name: string, ...lines: string[]): string {
  const file = `${name}.properties`
  const folders = [`log.dirs=${join(work, `${name}-a`)},${join(work, `${name}-b`)}`]
  writeFileSync(join(work, file), [...folders, ...lines].join('\n'))
  return file
}

describe('kafka-storage', () => {
  for (const run of goldenRuns('kafka-storage'))
    it(`${run.args.join(' ')} says what Kafka's says`, async () => {
      const { code, stdout, stderr } = await storage(...run.args)
      expect(code).toBe(run.exit)
      expect(stdout.trim()).toBe(run.stdout.trim())
      // Which of two missing arguments is named first is chance there.
      if (run.stderr.includes('is required')) expect(stderr).toMatch(/argument \S+ is required/)
      else expect(said(stderr)).toBe(said(run.stderr))
    })

  it('makes random ids that are base64url of 16 bytes and never begin with a dash', async () => {
    const { stdout } = await storage('random-uuid')
    expect(stdout).toMatch(/^[A-Za-z0-9_][A-Za-z0-9_-]{21}\n$/)
    expect(Buffer.from(stdout.trim(), 'base64url')).toHaveLength(16)
  })

  it('formats every log directory, once', async () => {
    const file = properties('fresh', 'node.id=7')
    const before = await storage('info', '-c', file)
    expect([before.code, before.stdout]).toEqual([
      1,
      `Found problems:\n  ${work}/fresh-a does not exist\n  ${work}/fresh-b does not exist\n\n`,
    ])
    const made = await storage('format', '-t', CLUSTER, '-c', file)
    expect([made.code, made.stdout]).toEqual([
      0,
      `Formatting metadata directory ${work}/fresh-a with metadata.version 4.2-IV1.\n` +
        `Formatting data directory ${work}/fresh-b with metadata.version 4.2-IV1.\n`,
    ])
    expect(readdirSync(join(work, 'fresh-b'))).toEqual(['meta.properties'])
    const info = await storage('info', '-c', file)
    expect(info.code).toBe(0)
    expect(info.stdout).toMatch(
      new RegExp(
        `^Found log directories:\n.*fresh-a\n.*fresh-b\n\nFound metadata: {cluster.id=${CLUSTER}, ` +
          'directory.id=[\\w-]{22}, node.id=7, version=1}\n\n$',
      ),
    )
    const again = await storage('format', '-t', CLUSTER, '-c', file)
    expect([again.code, again.stderr]).toEqual([
      1,
      `Log directory ${work}/fresh-a is already formatted. Use --ignore-formatted to ignore this ` +
        'directory and format the others.\n',
    ])
    rmSync(join(work, 'fresh-b'), { recursive: true })
    const rest = await storage('format', '-t', CLUSTER, '-c', file, '-g')
    expect(rest.stdout).toBe(
      `Formatting data directory ${work}/fresh-b with metadata.version 4.2-IV1.\n`,
    )
    const all = await storage('format', '-t', CLUSTER, '-c', file, '-g')
    expect([all.code, all.stdout]).toEqual([
      0,
      'All of the log directories are already formatted.\n',
    ])
  })

  it('refuses folders of another cluster and tells of folders that do not fit each other', async () => {
    const file = properties('mixed', 'node.id=1')
    await storage('format', '-t', CLUSTER, '-c', file)
    const other = await storage('format', '-t', 'c2x1aWNlLXRlc3QtaWQwMQ', '-c', file, '-g')
    expect(other.code).toBe(1)
    expect(other.stderr).toContain(`Expected c2x1aWNlLXRlc3QtaWQwMQ, but read ${CLUSTER}`)
    const meta = join(work, 'mixed-b', 'meta.properties')
    writeFileSync(meta, `version=1\nnode.id=2\ncluster.id=${CLUSTER}\n`)
    expect((await storage('info', '-c', file)).stdout).toContain(
      'Found problem:\n  Mismatched node IDs between storage directories.\n',
    )
    writeFileSync(meta, 'version=1\nnode.id=1\ncluster.id=other\n')
    const info = await storage('info', '-c', file)
    expect([info.code, info.stdout.includes('Mismatched cluster IDs')]).toEqual([1, true])
    writeFileSync(meta, 'junk')
    expect((await storage('info', '-c', file)).stdout).toContain('Error loading')
  })

  const quorum = ['process.roles=broker,controller', 'node.id=1', 'controller.listener.names=C']
  const refusals: readonly [what: string, args: () => string[], says: RegExp][] = [
    ['a file that is absent', () => ['info', '-c', 'nowhere'], /nowhere[\s\S]*next:/],
    [
      'a mistake in the file',
      () => ['info', '-c', properties('bad', 'num.partitions=x')],
      /num\.partitions/,
    ],
    [
      'ids with other signs',
      () => ['format', '-t', 'a b', '-c', properties('id')],
      /Cluster id 'a b'/,
    ],
    [
      'features that are not known',
      () => ['format', '-t', CLUSTER, '-c', properties('f'), '-f', 'bogus=1'],
      /Unsupported feature: bogus\. Supported features are: eligible/,
    ],
    [
      'levels it would not keep',
      () => ['format', '-t', CLUSTER, '-c', properties('l'), '-r', '4.1'],
      /begins with 4\.2-IV1[\s\S]*next:/,
    ],
    [
      '--standalone beside voters',
      () => [
        ...['format', '-t', CLUSTER, '-s', '-c'],
        properties(
          'v',
          ...quorum,
          'controller.quorum.voters=1@h:1',
          'listeners=PLAINTEXT://:1,C://:2',
        ),
      ],
      /You cannot specify controller\.quorum\.voters and format the node with/,
    ],
    [
      'users',
      () => ['format', '-t', CLUSTER, '-c', properties('u'), '-S', 'SCRAM-SHA-256=[name=a]'],
      /keeps no users[\s\S]*next:/,
    ],
  ]
  for (const [what, args, says] of refusals)
    it(`refuses ${what}, with exit code 1`, async () => {
      const { code, stderr } = await storage(...args())
      expect([code, stderr]).toEqual([1, expect.stringMatching(says)])
      expect(stderr).not.toMatch(/\n\s+at /)
    })
})

describe('sluice storage', () => {
  it('formats and tells, as rows', async () => {
    const file = properties('own', 'node.id=3')
    const made = await runCli(['storage', 'format', file, '--format', 'json'], { cwd: work })
    const outcome = JSON.parse(made.stdout)
    expect(outcome).toMatchObject({ nodeId: 3, formatted: [`${work}/own-a`, `${work}/own-b`] })
    const told = await runCli(['storage', 'info', file, '--format', 'jsonl'], { cwd: work })
    const rows = told.stdout
      .trim()
      .split('\n')
      .map((line) => JSON.parse(line))
    expect(rows).toMatchObject([
      { folder: `${work}/own-a`, state: 'formatted', clusterId: outcome.clusterId, nodeId: 3 },
      { folder: `${work}/own-b`, state: 'formatted', clusterId: outcome.clusterId, nodeId: 3 },
    ])
    expect(told.code).toBe(0)
  })

  it('changes nothing when a folder belongs elsewhere, and calls that not healthy', async () => {
    const file = properties('odd')
    mkdirSync(join(work, 'odd-a'))
    writeFileSync(join(work, 'odd-a', 'meta.properties'), 'version=1\nnode.id=1\ncluster.id=x1\n')
    const args = ['storage', 'format', file, '--cluster-id', 'y1']
    const refused = await runCli(args, { cwd: work })
    expect([refused.code, refused.stderr]).toEqual([
      1,
      expect.stringContaining('belongs to cluster x1'),
    ])
    writeFileSync(join(work, 'odd-b'), 'a file')
    const info = await runCli(['storage', 'info', file], { cwd: work })
    expect([info.code, info.stderr]).toEqual([6, expect.stringContaining('is not a directory')])
  })
})

describe('sluice storage format', () => {
  it.each(['/proc/x', '/dev/null/x'])('says why %s cannot be the folder', async (folder) => {
    const words = ['storage', 'format', '--override', `log.dirs=${folder}`]
    const { code, stderr } = await runCli(words, { cwd: work })
    expect([code, stderr]).toEqual([
      1,
      expect.stringMatching(/^error: .*\n {2}why: .*\n {2}next: /),
    ])
  })
})
