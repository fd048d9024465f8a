const DAYS = ['Sunday', 'Monday', 'Tuesday', 'Wednesday', 'Thursday', 'Friday', 'Saturday']

const MONTHS = [
  ...['January', 'February', 'March', 'April', 'May', 'June'],
  ...['July', 'August', 'September', 'October', 'November', 'December'],
]

const MS_PER_DAY = 86_400_000

/** A date as Python's `strftime` writes it, in English and in local time. */
export function strftime(date: Date, format: string): string {
  return format.replace(/%(-?)([A-Za-z%])/g, (directive, bare: string, letter: string) => {
    const value = partOf(date, letter)
    return value === undefined ? directive : bare === '' ? value : value.replace(/^0+(?=.)/, '')
  })
}

function partOf(date: Date, letter: string): string | undefined {
  const two = (n: number) => String(n).padStart(2, '0')
  const hours = date.getHours()
  switch (letter) {
    case 'Y':
      return String(date.getFullYear())
    case 'y':
      return two(date.getFullYear() % 100)
    case 'm':
      return two(date.getMonth() + 1)
    case 'd':
      return two(date.getDate())
    case 'B':
      return MONTHS[date.getMonth()]
    case 'b':
      return MONTHS[date.getMonth()]!.slice(0, 3)
    case 'A':
      return DAYS[date.getDay()]
    case 'a':
      return DAYS[date.getDay()]!.slice(0, 3)
    case 'H':
      return two(hours)
    case 'I':
      return two(hours % 12 === 0 ? 12 : hours % 12)
    case 'p':
      return hours < 12 ? 'AM' : 'PM'
    case 'M':
      return two(date.getMinutes())
    case 'S':
      return two(date.getSeconds())
    case 'j':
      return String(dayOfYear(date)).padStart(3, '0')
    case 'F':
      return strftime(date, '%Y-%m-%d')
    case 'T':
      return strftime(date, '%H:%M:%S')
    case '%':
      return '%'
    default:
      return undefined
  }
}

function dayOfYear(date: Date): number {
  const [year, month, day] = [date.getFullYear(), date.getMonth(), date.getDate()]
  return Math.round((Date.UTC(year, month, day) - Date.UTC(year, 0, 1)) / MS_PER_DAY) + 1
}
