/**
 * How a connection can end: what one end does, and what the other hears of it. Both are scripts of Python (scenes.ts) with the
 * connected socket `s`; what they leave in `said` is compared. At `middle()` both wait, and the carrier may move then.
 */
export interface Ending {
  readonly title: string
  readonly one: string
  readonly other: string
  /** Of the one, and of the other. */
  readonly said: readonly [string, string]
  /** Where libc cannot be called, it is otherwise. */
  readonly needsLibc?: true
}

export const ENDINGS: readonly Ending[] = [
  {
    title: 'each direction ends by itself',
    one: `s.sendall(stream(70000)); s.shutdown(1); middle(); said = hear(s)`,
    other: `said = hear(s); middle(); s.sendall(stream(90000)); s.close()`,
    said: ['90000 FIN', '70000 FIN'],
  },
  {
    title: 'both directions end at once',
    one: `s.sendall(stream(50000)); s.shutdown(1); middle(); said = hear(s)`,
    other: `s.sendall(stream(60000)); s.shutdown(1); middle(); said = hear(s)`,
    said: ['60000 FIN', '50000 FIN'],
  },
  {
    title: 'all that was written arrives, though the writer has gone and the reader comes late',
    one: `s.sendall(stream(3000000)); s.close(); middle(); said = 'gone'`,
    other: `middle(); said = hear(s)`,
    said: ['gone', '3000000 FIN'],
  },
  {
    title: 'a reset is a reset',
    one: `s.sendall(b'x'); s.recv(1); middle(); abort(s); said = 'reset'`,
    other: `s.sendall(b'x'); s.recv(1); middle(); said = hear(s)`,
    said: ['reset', '0 RST'],
  },
  {
    title: 'bytes that were written before a reset arrive before it',
    one: `s.sendall(stream(10000)); settle(s); middle(); abort(s); said = 'reset'`,
    other: `middle(); said = hear(s)`,
    said: ['reset', '10000 RST'],
  },
  {
    title: 'a reset after the own end is a reset',
    one: `s.shutdown(1); middle(); abort(s); said = 'reset'`,
    other: `said = hear(s); middle(); said += ', ' + push(s)`,
    said: ['reset', '0 FIN, RST'],
  },
  {
    title: 'a reset after the own end is found by one who only waits',
    one: `s.shutdown(1); middle(); abort(s); said = 'reset'`,
    other: `said = hear(s); middle(); said += ', ' + hung(s)`,
    said: ['reset', '0 FIN, RST'],
    needsLibc: true,
  },
  {
    title: 'whoever writes to an end that has closed is told by a reset',
    one: `middle(); s.close(); said = 'closed'`,
    other: `middle(); said = hear(s) + ', ' + push(s)`,
    said: ['closed', '0 FIN, RST'],
  },
  {
    title: 'a close that leaves bytes unread is a reset',
    one: `peek(s, 5); middle(); s.close(); said = 'closed'`,
    other: `s.sendall(stream(5)); middle(); said = hear(s)`,
    said: ['closed', '0 RST'],
  },
  {
    title: 'a byte that is urgent is not lost, and keeps its place',
    one: `s.sendall(b'a'); s.send(b'b', OOB); middle(); s.send(b'c', OOB); s.sendall(b'd'); s.close(); said = ''`,
    other: `middle(); said = s.makefile().read()`,
    said: ['', 'abcd'],
    needsLibc: true,
  },
]
