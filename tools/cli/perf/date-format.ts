/** Times in patterns of java.text.SimpleDateFormat, those letters that stand for numbers. */

const FIELDS: Readonly<Record<string, (time: Date) => number>> = {
  y: (time) => time.getFullYear(),
  M: (time) => time.getMonth() + 1,
  d: (time) => time.getDate(),
  H: (time) => time.getHours(),
  m: (time) => time.getMinutes(),
  s: (time) => time.getSeconds(),
  S: (time) => time.getMilliseconds(),
}

/** Throws RangeError for letters that are not known. */
export function dateFormat(pattern: string): (wallMs: number) => string {
  const parts = [...pattern.matchAll(/'((?:[^']|'')*)'|([A-Za-z])\2*|[^A-Za-z']+/g)].map(
    ([whole, quoted, letter]): string | ((time: Date) => string) => {
      if (quoted !== undefined) return quoted === '' ? "'" : quoted.replaceAll("''", "'")
      if (letter === undefined) return whole
      const field = FIELDS[letter]
      if (field === undefined) throw new RangeError(`Illegal pattern character '${letter}'`)
      return (time) => {
        const digits = String(field(time)).padStart(whole.length, '0')
        return whole === 'yy' ? digits.slice(-2) : digits
      }
    },
  )
  return (wallMs) => {
    const time = new Date(wallMs)
    return parts.map((part) => (typeof part === 'string' ? part : part(time))).join('')
  }
}
