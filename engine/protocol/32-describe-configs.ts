/**
 * DescribeConfigs, v1–4. Settings of topics, brokers, groups and client metrics (KIP-133). v1
 * synonyms and sources (KIP-226), v3 types and documentation (KIP-569), v4 flexible.
 */
import {
  array,
  bool,
  type Infer,
  int8,
  int16,
  int32,
  message,
  string,
  structs,
} from '../schema/fields.ts'

export const DescribeConfigsRequest = message(
  32,
  'DescribeConfigsRequest',
  { versions: [1, 4], flexible: 4 },
  {
    resources: structs({
      /** 2 topic, 4 broker, 8 broker logger, 16 client metrics, 32 group. */
      resourceType: int8,
      resourceName: string,
      /** Null: all settings. */
      configurationKeys: array(string).nullable(),
    }),
    includeSynonyms: bool.default(false),
    includeDocumentation: bool.since(3),
  },
)
export type DescribeConfigsRequest = Infer<typeof DescribeConfigsRequest>

export const DescribeConfigsResponse = message(
  32,
  'DescribeConfigsResponse',
  { versions: [1, 4], flexible: 4 },
  {
    /** Milliseconds the client is asked to stay quiet for a quota, 0 for none. */
    throttleTimeMs: int32.default(0),
    results: structs({
      errorCode: int16,
      /** Text for people; null without an error. */
      errorMessage: string.nullable(),
      resourceType: int8,
      resourceName: string,
      configs: structs({
        name: string,
        value: string.nullable(),
        readOnly: bool,
        /**
         * 1 topic, 2 dynamic broker, 3 dynamic default broker, 4 static broker, 5 default, 7 client
         * metrics, 8 group.
         */
        configSource: int8.default(-1).ignorable(),
        /** The value is null then. */
        isSensitive: bool,
        synonyms: structs({
          name: string,
          value: string.nullable(),
          source: int8,
        }).ignorable(),
        /** 1 boolean, 2 string, 3 int, 4 short, 5 long, 6 double, 7 list, 8 class, 9 password. */
        configType: int8.since(3).ignorable(),
        documentation: string.nullable().since(3).ignorable(),
      }),
    }),
  },
)
export type DescribeConfigsResponse = Infer<typeof DescribeConfigsResponse>
