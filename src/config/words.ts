/** Words of fault messages. */
import { distance } from 'fastest-levenshtein'

const SHOWN_CHARS_MAX = 80

/** A value of a configuration as a message shows it: JSON, cut when it is long. */
export function quoted(value: unknown): string {
  const text = JSON.stringify(value) ?? String(value)
  return text.length > SHOWN_CHARS_MAX ? `${text.slice(0, SHOWN_CHARS_MAX)}…` : text
}

/** Says which known word may have been meant; the known ones when none is near. '' when there are none. */
export function didYouMean(word: string, known: readonly string[]): string {
  const [best] = [...known].sort((a, b) => distance(word, a) - distance(word, b))
  if (best === undefined) return ''
  const isNear = distance(word, best) <= Math.max(2, word.length / 2)
  return isNear ? `; did you mean "${best}"?` : `; known are ${known.join(', ')}`
}
