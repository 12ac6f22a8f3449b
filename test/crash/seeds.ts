/**
 * Seeds of workloads that failed once, by suite: every run begins with them. A seed means something for as
 * long as workloads are drawn the same way (shape.ts, driver.ts); what it found has a test of its own.
 */
export const pastFailures: Readonly<Record<string, readonly number[]>> = {
  'power-cut': [2_000_143, 200_230_636, 471_300_381],
  faults: [
    1_014, 1_017, 500_051, 600_240, 700_012, 700_117, 800_008, 1_100_001, 31_000_232, 61_000_382,
    169_721_181,
  ],
}
