/** What a partition asks of a client's batch, and what came of it: the two sides of validate.ts. */
import { ErrorCode } from '../base/errors.ts'
import type { TimestampType } from './batch.ts'
import type { Codec } from './compression.ts'

/**
 * What a partition asks of a batch; one object per partition, replaced when the topic's options
 * change.
 */
export interface BatchRules {
  /** `topic-partition`, for messages. */
  readonly topicPartition: string
  /** max.message.bytes: whole batch, header included. */
  readonly maxMessageBytes: number
  /** cleanup.policy contains compact: every record needs a key. */
  readonly isCompacted: boolean
  /** message.timestamp.type. */
  readonly timestampType: TimestampType
  /** message.timestamp.before.max.ms and after.max.ms; 2^53 or more = no limit. */
  readonly timestampBeforeMaxMs: number
  readonly timestampAfterMaxMs: number
  /** compression.type; null = producer. */
  readonly codec: Codec | null
  readonly compressionLevel?: number | undefined
  /** sluice.records.validation. */
  readonly recordsValidation: 'header' | 'full'
}

export interface RecordError {
  /** Index of the record in the batch. */
  readonly batchIndex: number
  readonly message: string
}

/** Filled by admitBatch; callers keep one and reuse it. */
export interface Admission {
  errorCode: ErrorCode
  message: string | null
  recordErrors: readonly RecordError[]
  /**
   * Bytes to append instead of the given ones (recompressed or rebuilt); null = the given ones,
   * patched.
   */
  replacement: Buffer | null
  /** The stamp under LogAppendTime, else -1: what the reply carries. */
  logAppendTimeMs: number
}

export function newAdmission(): Admission {
  return {
    errorCode: ErrorCode.NONE,
    message: null,
    recordErrors: NO_RECORD_ERRORS,
    replacement: null,
    logAppendTimeMs: -1,
  }
}

export function resetAdmission(admission: Admission): void {
  admission.errorCode = ErrorCode.NONE
  admission.message = null
  admission.recordErrors = NO_RECORD_ERRORS
  admission.replacement = null
  admission.logAppendTimeMs = -1
}

const NO_RECORD_ERRORS: readonly RecordError[] = []
