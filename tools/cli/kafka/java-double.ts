/** A number as Java's Double.toString writes it: always a fraction, powers of ten from 10^7 and below 10^-3. */
export function javaDouble(value: number): string {
  const size = Math.abs(value)
  if (!Number.isFinite(value))
    return Number.isNaN(value) ? 'NaN' : `${value > 0 ? '' : '-'}Infinity`
  if (size !== 0 && (size >= 1e7 || size < 1e-3)) {
    const [digits = '', power = ''] = value.toExponential().split('e')
    return `${digits.includes('.') ? digits : `${digits}.0`}E${Number(power)}`
  }
  const text = String(value)
  return text.includes('.') ? text : `${text}.0`
}
