/**
 * Seeds of workloads that failed once, by suite: every run begins with them. A seed means something for as
 * long as workloads are drawn the same way (shape.ts, driver.ts); what it found has a test of its own.
 */
export const pastFailures: Readonly<Record<string, readonly number[]>> = {
  'power-cut': [],
  faults: [],
}
