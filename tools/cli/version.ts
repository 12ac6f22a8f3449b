/** The version printed by `sluice --version` and in start-up lines; kept equal to package.json by a test. */
export const VERSION = '0.1.0'
