/*
 * Restarts, for spin: one side stays; in the other's place one process follows another. After incarnations.ts and sessions.ts.
 * A carrier's first word is Hello with the incarnation of the process that dialed it. A process that dies leaves carriers
 * behind, whose last words may come at any time, or not at all: as in migration.pml a carrier is a queue and `up`.
 *
 *     Hello of       no carrier active        another carrier active
 *     the known      welcome                  welcome
 *     another        replaces the peer        waits; the first is pinged: it answers -> refused; it does not -> replaces it
 *
 * Another one is believed if its carrier was made after the known one was first heard of; else once it has answered on it what
 * was asked after that.
 *
 * Each process opens one session under the same ref, so that those of two processes would meet. Its bytes are OPEN (offset 0)
 * and BYTES more; each bears the incarnation of its process, which the rules do not look at. Every process dials in full, and
 * proposes at once: a new carrier has the greater epoch. How sides agree on a carrier is in migration.pml.
 *
 *     RESTARTS, CUTS    how often the process is replaced; how often the network cuts its carrier, or it only thinks so
 *     WRONG_BELIEVED    another process is believed however old its carrier is
 *     WRONG_OLD_ANSWER  an answer counts, though another process has come since it was asked for
 *     WRONG_KEPT        carriers of the replaced process are not closed
 *     WRONG_REFS        what was opened by the replaced process is kept
 */
#ifndef CARRIERS
#define CARRIERS 4
#endif
#ifndef RESTARTS
#define RESTARTS 1
#endif
#ifndef CUTS
#define CUTS 2
#endif
#ifndef BYTES
#define BYTES 1
#endif
#define NONE CARRIERS
#define END_OFFSET (BYTES + 1)

mtype = { HELLO, MIGRATE, DATA, ACK, GONE }

chan toStay[CARRIERS] = [7] of { mtype, byte }
chan toLive[CARRIERS] = [7] of { mtype, byte }
bool up[CARRIERS]
byte incarnationOf[CARRIERS]            /* of the process that dialed it */
byte epochOf[CARRIERS]
byte made

/* The living process. */
byte living = 1
byte mine = NONE                        /* the carrier it uses */
byte epochs                             /* that it has counted */
byte next, sent, acked
bool isReset
byte restarts, cuts
bool isPoor

/* The side that stays. */
mtype = { fresh, welcome, waiting, left }
mtype link[CARRIERS] = fresh
byte current = NONE
byte epoch
byte peer                               /* incarnation; 0 before the first Hello */
byte duplicate = NONE
bool isLater[CARRIERS]                  /* its process lived after the known one was first heard of */
bool mayAnswer[CARRIERS]                /* its process lived when it was asked */
bool isAskedLate[CARRIERS]              /* and that was after the known one was first heard of */
byte session                            /* incarnation whose OPEN made it; 0 for none */
byte has, given
bool isRefSeen
byte opened[RESTARTS + 2]               /* how often a session was made, by incarnation */

inline say(type, x) {
  if
  :: current != NONE && up[current] -> assert(nfull(toLive[current])); toLive[current]!type, x
  :: else -> skip
  fi
}

inline leave(c) {
  link[c] = left;
  up[c] = false;
  do :: nempty(toStay[c]) -> toStay[c]?_, _ :: empty(toStay[c]) -> break od;
  if :: current == c -> current = NONE :: else -> skip fi;
  if :: duplicate == c -> duplicate = NONE :: else -> skip fi
}

inline ask(c) {
  mayAnswer[c] = (incarnationOf[c] == living && up[c]);
  isAskedLate[c] = true
}

/* The known process is the one that has dialed `c`. */
inline know(c) {
  peer = incarnationOf[c];
  link[c] = welcome;
  for (i : 0 .. CARRIERS - 1) { isLater[i] = false; isAskedLate[i] = false }
  i = 0
}

inline replacePeer(c) {
  /* Late words of a dead process do not take the association back. */
  assert(incarnationOf[c] == living || peer != living);
#ifndef WRONG_REFS
  session = 0; has = 0; given = 0;
#endif
  isRefSeen = false;
  epoch = 0;
#ifndef WRONG_KEPT
  for (i : 0 .. CARRIERS - 1) { if :: i != c && link[i] == welcome -> leave(i) :: else -> skip fi }
  i = 0
#else
  current = NONE
#endif
}

inline handleHello(c) {
  if
  :: peer == 0 -> know(c)
  :: peer == incarnationOf[c] -> link[c] = welcome
  :: peer != 0 && peer != incarnationOf[c] ->
     if
#ifndef WRONG_BELIEVED
     :: !isLater[c] -> link[c] = waiting; ask(c)
     :: isLater[c] ->
#else
     :: true ->
#endif
        if
        :: current == NONE || current == c -> replacePeer(c); know(c)
        :: current != NONE && current != c && duplicate == NONE -> link[c] = waiting; duplicate = c
        :: current != NONE && current != c && duplicate != NONE -> leave(c)
        fi
     fi
  fi
}

inline admit() {
  c = duplicate;
  duplicate = NONE;
  replacePeer(c);
  know(c)
}

inline handleData(c, offset) {
  if
  :: session == 0 && offset == 0 && !isRefSeen ->
     session = incarnationOf[c];
     isRefSeen = true;
     opened[session]++;
     assert(opened[session] == 1)      /* the destination is dialed once */
  :: else -> skip
  fi;
  if
  :: session == 0 -> say(GONE, incarnationOf[c])
  :: else ->
     /* Nothing is given to a session of another process. */
     assert(session == incarnationOf[c]);
     has = has | (1 << offset);
     do :: (has >> given) & 1 -> given++ :: else -> break od;
     say(ACK, given)
  fi
}

#define READ(n) (nempty(toStay[n]) && (link[n] == fresh || link[n] == welcome))
#define ANSWERS(n) (link[n] == waiting && duplicate != n && mayAnswer[n])

proctype stays() {
  byte c, x, i
  mtype type
end:
  do
  :: atomic { READ(0) -> c = 0; goto read }
  :: atomic { READ(1) -> c = 1; goto read }
  :: atomic { READ(2) -> c = 2; goto read }
  :: atomic { READ(3) -> c = 3; goto read }
  :: atomic { current != NONE && !up[current] -> leave(current) ; if :: duplicate != NONE -> admit() :: else -> skip fi; c = 0; i = 0 }
  /* The first does not answer in time. */
  :: atomic { duplicate != NONE && current != NONE && incarnationOf[current] != living -> admit(); c = 0; i = 0 }
  /* A process that waits has answered, or its carrier is lost. */
  :: atomic { ANSWERS(0) -> c = 0; goto answered }
  :: atomic { ANSWERS(1) -> c = 1; goto answered }
  :: atomic { ANSWERS(2) -> c = 2; goto answered }
  :: atomic { ANSWERS(3) -> c = 3; goto answered }
  od;

read:
  atomic {
    if
    :: toStay[c]?type, x;
       if
       :: type == HELLO -> handleHello(c)
       :: type == MIGRATE && x > epoch -> epoch = x; current = c
       :: type == MIGRATE && x <= epoch -> skip
       :: type == DATA -> handleData(c, x)
       fi;
       if :: c == current && duplicate != NONE -> leave(duplicate) :: else -> skip fi
    :: !up[c] -> leave(c); if :: current == NONE && duplicate != NONE -> admit() :: else -> skip fi
    fi;
    type = HELLO; c = 0; x = 0; i = 0
  };
  goto end;

answered:
  atomic {
    mayAnswer[c] = false;
#ifndef WRONG_OLD_ANSWER
    isLater[c] = isLater[c] || isAskedLate[c];
#else
    isLater[c] = true;
#endif
    handleHello(c);
    c = 0; i = 0
  };
  goto end
}

inline restate() { next = acked }

proctype lives() {
  byte c, x
  mtype type
end:
  do
  :: atomic { mine == NONE || (up[mine] && cuts < CUTS) ->
       if :: mine == NONE -> skip :: else -> cuts++ fi;      /* it only thinks that its carrier is dead */
       if
       :: made < CARRIERS ->
          mine = made;
          made++;
          up[mine] = true;
          incarnationOf[mine] = living;
          isLater[mine] = true;
          epochs++;
          toStay[mine]!HELLO, 0;
          toStay[mine]!MIGRATE, epochs;
          restate()
       :: else -> isPoor = true; goto stop
       fi
     }
  :: atomic { mine != NONE && !up[mine] -> mine = NONE }
  :: atomic { mine != NONE && up[mine] && cuts < CUTS -> cuts++; up[mine] = false; mine = NONE }
  :: atomic { mine != NONE && !isReset && next < END_OFFSET ->
       if :: up[mine] -> toStay[mine]!DATA, next :: else -> skip fi;
       next++;
       if :: next > sent -> sent = next :: else -> skip fi
     }
  :: atomic { mine != NONE && nempty(toLive[mine]) ->
       toLive[mine]?type, x;
       if
       :: type == ACK && !isReset ->
          assert(x <= sent);
          if :: x > acked -> acked = x :: else -> skip fi;
          if :: acked > next -> next = acked :: else -> skip fi
       :: type == ACK && isReset -> skip
       :: type == GONE -> assert(x == living); isReset = true
       fi;
       type = HELLO; x = 0
     }
  /* The process dies. Its kernel closes its carriers, and what was in them may arrive. */
  :: atomic { restarts < RESTARTS ->
       restarts++;
       living++;
       for (c : 0 .. CARRIERS - 1) {
         up[c] = false;
         if :: mayAnswer[c] = false :: skip fi;
         do :: nempty(toLive[c]) -> toLive[c]?_, _ :: empty(toLive[c]) -> break od
       }
       c = 0;
       mine = NONE; epochs = 0; next = 0; sent = 0; acked = 0; isReset = false
     }
  od;
stop:
  skip
}

init {
  atomic { run stays(); run lives() };
  timeout ->
  if
  :: isPoor -> skip
  :: !isPoor ->
     /* When all is quiet, the staying side knows the living process, on the carrier that this uses. */
     assert(peer == living && current == mine && up[mine]);
     /* And the session of that has ended, or has all its bytes given at the other end. */
     assert(isReset || (session == living && given == END_OFFSET && acked == END_OFFSET))
  fi
}
