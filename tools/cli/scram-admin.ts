/** SCRAM credentials of users over the own client (KIP-554): what kafka-configs sets and shows. */
import { pbkdf2, randomBytes } from 'node:crypto'
import { promisify } from 'node:util'
import { ErrorCode } from '../../engine/base/errors.ts'
import {
  DescribeUserScramCredentialsRequest,
  DescribeUserScramCredentialsResponse,
} from '../../engine/protocol/50-describe-user-scram-credentials.ts'
import {
  AlterUserScramCredentialsRequest,
  AlterUserScramCredentialsResponse,
} from '../../engine/protocol/51-alter-user-scram-credentials.ts'
import type { Client } from '../../net/client/client.ts'
import { RequestFailed } from '../../net/client/client-errors.ts'

const derive = promisify(pbkdf2)
const SALT_BYTES = 32

/** By name: number on the wire, hash and its size. */
export const SCRAM_MECHANISMS = new Map([
  ['SCRAM-SHA-256', { type: 1, hash: 'sha256', bytes: 32 }],
  ['SCRAM-SHA-512', { type: 2, hash: 'sha512', bytes: 64 }],
] as const)

export interface ScramUser {
  readonly user: string
  readonly credentials: readonly { readonly mechanism: string; readonly iterations: number }[]
}

/** Of these users, or of all when none is named; users without credentials are left out. */
export async function describeScramUsers(
  client: Client,
  users: readonly string[],
): Promise<ScramUser[]> {
  const answer = await client.send(
    DescribeUserScramCredentialsRequest,
    DescribeUserScramCredentialsResponse,
    { users: users.length === 0 ? null : users.map((name) => ({ name })) },
  )
  if (answer.errorCode !== ErrorCode.NONE)
    throw new RequestFailed(answer.errorCode, answer.errorMessage)
  return answer.results
    .filter(({ errorCode }) => errorCode === ErrorCode.NONE)
    .map(({ user, credentialInfos }) => ({
      user,
      credentials: credentialInfos.map(({ mechanism, iterations }) => ({
        mechanism: [...SCRAM_MECHANISMS].find(([, { type }]) => type === mechanism)?.[0] ?? '',
        iterations,
      })),
    }))
}

export interface ScramPassword {
  readonly iterations: number
  readonly password: string
}

/** Sets the credential of a mechanism, or takes it away with null. The password stays here. */
export async function alterScramUser(
  client: Client,
  user: string,
  changes: Iterable<readonly [mechanism: string, to: ScramPassword | null]>,
): Promise<void> {
  const deletions: { name: string; mechanism: number }[] = []
  const upsertions: Upsertion[] = []
  for (const [name, to] of changes) {
    const mechanism = SCRAM_MECHANISMS.get(name as 'SCRAM-SHA-256')
    if (mechanism === undefined) throw new RangeError(`no SCRAM mechanism ${name}`)
    if (to === null) deletions.push({ name: user, mechanism: mechanism.type })
    else upsertions.push(await salted(user, mechanism, to))
  }
  const answer = await client.sendToController(
    AlterUserScramCredentialsRequest,
    AlterUserScramCredentialsResponse,
    { deletions, upsertions },
  )
  for (const { errorCode, errorMessage } of answer.results)
    if (errorCode !== ErrorCode.NONE) throw new RequestFailed(errorCode, errorMessage)
}

interface Upsertion {
  readonly name: string
  readonly mechanism: number
  readonly iterations: number
  readonly salt: Buffer
  readonly saltedPassword: Buffer
}

async function salted(
  name: string,
  { type, hash, bytes }: { type: number; hash: string; bytes: number },
  { iterations, password }: ScramPassword,
): Promise<Upsertion> {
  const salt = randomBytes(SALT_BYTES)
  const saltedPassword = await derive(password, salt, iterations, bytes, hash)
  return { name, mechanism: type, iterations, salt, saltedPassword }
}
