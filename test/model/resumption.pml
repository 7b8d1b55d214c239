/*
 * Resumption, for spin: a dialer that uses each handle once, an acceptor that knows some of them, and a network that records
 * first flights and delivers each never, late, or on two connections at once. After channel.ts, keyset.ts and keyring.ts:
 *
 *     every attempt that resumes takes the next n; one that failed is followed by a full handshake, which makes a keyset
 *     the acceptor knows the unused handles of two keysets, up to AHEAD above the largest used; once it loses them (a restart)
 *     RESUME is looked up when it comes, and again when the first record under it opens: then the handle is spent
 *     ACCEPT has a fresh nonce, and nobody but the dialer of this very attempt can answer it with a record
 *
 *     connection: unused -> unproven -> early -> confirmed
 *                             |           |
 *                             +-----------+------> closed     unknown, spent, or not confirmed in time
 *
 * A full handshake cannot be replayed, since both sides are fresh in it: it is one step.
 *
 *     WRONG_UNSPENT    a handle stays good after it was used
 *     WRONG_ONE_LOOK   a handle is looked up when RESUME comes, and not again when the record opens
 */
#ifndef ATTEMPTS
#define ATTEMPTS 3
#endif
#define LOSSES 3
#define COPIES 2                        /* connections that bring the same first flight */
#define AHEAD 2
#define CONNECTIONS (ATTEMPTS * COPIES)

mtype = { unused, unproven, early, confirmed, closed }

/* The dialer, and its attempts to resume. */
byte made, keysetOf[ATTEMPTS], handleOf[ATTEMPTS]
byte nextHandle = 1                     /* of the newest keyset; n = 0 was for the handshake's own carrier */
byte newest                             /* keyset, of both */
bool isWaiting                          /* the newest attempt is under way */
bool mustHandshake
bool isUp                               /* it has a confirmed carrier */
byte losses

/* The acceptor, and its connections. */
mtype connection[CONNECTIONS] = unused
bool isSpent[ATTEMPTS]                  /* no two attempts have the same handle */
byte taken[ATTEMPTS]                    /* how often its first flight was taken for news */
byte largest[ATTEMPTS + LOSSES + 2]     /* n used, by keyset */
byte firstKnown                         /* older keysets were lost */

#define IS_KNOWN(a) (keysetOf[a] >= firstKnown && keysetOf[a] + 1 >= newest && !isSpent[a] \
  && handleOf[a] <= largest[keysetOf[a]] + AHEAD)

proctype dialer() {
  byte c
end:
  do
  :: atomic { !isUp && !isWaiting && !mustHandshake && made < ATTEMPTS ->
       keysetOf[made] = newest;
       handleOf[made] = nextHandle;
       nextHandle++;
       made++;
       isWaiting = true
     }
  /* ACCEPT comes, and its answer goes back on the same connection. */
  :: atomic { isWaiting && (connection[made * COPIES - 2] == early || connection[made * COPIES - 1] == early) ->
       c = made * COPIES - 1;
       if :: connection[c] == early -> skip :: else -> c-- fi;
       connection[c] = confirmed;
       isWaiting = false;
       isUp = true;
       c = 0
     }
  /* CLOSE, or silence for too long. */
  :: atomic { isWaiting ->
       isWaiting = false;
       mustHandshake = true
     }
  :: atomic { !isUp && !isWaiting && (mustHandshake || made == ATTEMPTS) ->
       mustHandshake = false;
       newest++;
       nextHandle = 1;
       isUp = true
     }
  /* The carrier is lost. */
  :: atomic { isUp && losses < LOSSES -> losses++; isUp = false }
  od
}

#define A (c / COPIES)

/* One connection at the acceptor. */
proctype incoming(byte c) {
end:
  do
  /* A first flight comes, or comes again. */
  :: atomic { connection[c] == unused && A < made ->
       if :: IS_KNOWN(A) -> connection[c] = unproven :: else -> connection[c] = closed fi
     }
  /* Its first record opens. */
  :: atomic { connection[c] == unproven ->
       if
#ifdef WRONG_ONE_LOOK
       :: true ->
#else
       :: !IS_KNOWN(A) -> connection[c] = closed
       :: IS_KNOWN(A) ->
#endif
          connection[c] = early;
          taken[A]++;
          /* No first flight is taken twice: so no replay makes a carrier active. */
          assert(taken[A] == 1);
#ifndef WRONG_UNSPENT
          isSpent[A] = true;
#endif
          if :: handleOf[A] > largest[keysetOf[A]] -> largest[keysetOf[A]] = handleOf[A] :: else -> skip fi
       fi
     }
  /* Not confirmed in time. */
  :: atomic { connection[c] == early -> connection[c] = closed }
  od
}

/* Another process in the acceptor's place knows nothing of what was. */
proctype restart() {
  byte c
  atomic {
    firstKnown = newest + 1;
    isUp = false;
    for (c : 0 .. CONNECTIONS - 1) { if :: connection[c] != unused -> connection[c] = closed :: else -> skip fi }
  }
}

init {
  byte c;
  atomic {
    for (c : 0 .. CONNECTIONS - 1) { run incoming(c) }
    run dialer();
    run restart()
  };
  timeout ->
  /* When all is quiet there is a carrier, and none is left that only a first flight has made. */
  assert(isUp);
  for (c : 0 .. CONNECTIONS - 1) { assert(connection[c] != early) }
}
