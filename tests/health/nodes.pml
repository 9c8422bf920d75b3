/*
 * nodes.pml -- a model of three nodes, their engine and one endpoint, for spin (S91 to S94). tests/health/nodes.t runs it.
 *
 * Any node loses and finds the engine, the engine dies and returns, and the probes of node 2 lose and find their way, at any time, FAULTS times in all.
 * There are no clocks: whatever time decides may happen early or late.
 *
 *   (default)  the endpoint lives: no node takes it down, except node 2 by its own verdict while the engine has failed
 *   -DDEAD     it died while the engine was gone, whose votes are old: no node takes it up
 *   -DDIES     it dies amid the faults: when all is quiet again, every node has it down
 *
 * Each of these breaks a rule, and must be found:
 *
 *   -DOLDVOTES    votes count as they lie in the engine, before their node was heard (S92)
 *   -DBEATFIRST   a beat comes before the votes that changed (S91)
 *   -DLIVING      need is the majority of the nodes that live (S93)
 */
#define NODES 3
#ifndef FAULTS
#define FAULTS 4
#endif

/* The world. */
bool alive = true;             /* the endpoint */
bool engine = true;
bool way[NODES] = true;        /* to the engine */
bool sees[NODES] = true;       /* the way of the probes */
bool still = false;            /* there will be no more faults */
byte faults = 0;
bool alone_ever = false;       /* node 2 once went by itself */

/* The engine: the vote of each node, true is up. */
bool lies[NODES] = true;

/* The nodes; heard and vote are by listener * NODES + speaker. */
bool own[NODES] = true;        /* the verdict of the own monitor */
bool joint[NODES] = true;      /* the state in use */
bool with[NODES] = true;       /* the engine is reachable, or about to be */
bool settled[NODES] = true;    /* all that are connected were heard */
bool alone[NODES] = false;     /* the engine has failed */
bool heard[9] = true;
bool vote[9] = true;

#define AT(i, j) ((i) * NODES + (j))
#define SAYS(i, j, up) ((heard[AT(i, j)] && vote[AT(i, j)] == (up)) -> 1 : 0)
#define DOWNS(i) (SAYS(i, 0, false) + SAYS(i, 1, false) + SAYS(i, 2, false))
#define UPS(i) (SAYS(i, 0, true) + SAYS(i, 1, true) + SAYS(i, 2, true))
#ifdef LIVING
#define NEED(i) ((UPS(i) + DOWNS(i)) / 2 + 1)
#else
#define NEED(i) (NODES / 2 + 1)
#endif
/* Node j is heard by i, or cannot be heard because it is not there. */
#define KNOWN(i, j) (heard[AT(i, j)] || !with[j])
/* A beat of j would change something at i: others are left out, so that there are fewer states. */
#define NEWS(i, j) (with[i] && (!heard[AT(i, j)] || vote[AT(i, j)] != own[j]))

/* S93, S94: the state that node i goes by. */
inline decide(node) {
	if
	:: with[node] && settled[node] && DOWNS(node) > 0 && DOWNS(node) >= NEED(node) -> joint[node] = false
	:: with[node] && settled[node] && !(DOWNS(node) > 0 && DOWNS(node) >= NEED(node)) && UPS(node) > 0 -> joint[node] = true
	:: !with[node] && alone[node] -> joint[node] = own[node]
	:: else -> skip
	fi;
#ifdef DEAD
	assert(!joint[node]);
#else
#ifndef DIES
	assert(joint[node] || (node == 2 && alone_ever));
#endif
#endif
}

/* S91: the votes of j with its beat, to each that listens. */
inline tell(listener, speaker) {
	if
	:: with[listener] -> vote[AT(listener, speaker)] = lies[speaker]; heard[AT(listener, speaker)] = true; decide(listener)
	:: else -> skip
	fi
}

inline beat(from) {
#ifndef BEATFIRST
	lies[from] = own[from];
#endif
	tell(0, from);
	tell(1, from);
	tell(2, from);
#ifdef BEATFIRST
	lies[from] = own[from];
#endif
}

/* All is read at one revision. */
inline connect(back) {
	with[back] = true;
	alone[back] = false;
	vote[AT(back, 0)] = lies[0];
	vote[AT(back, 1)] = lies[1];
	vote[AT(back, 2)] = lies[2];
#ifdef OLDVOTES
	heard[AT(back, 0)] = true;
	heard[AT(back, 1)] = true;
	heard[AT(back, 2)] = true;
	settled[back] = true;
	decide(back);
#else
	heard[AT(back, 0)] = false;
	heard[AT(back, 1)] = false;
	heard[AT(back, 2)] = false;
	settled[back] = false;
#endif
}

#define REACHES(i) (way[i] && engine)

proctype Node(byte i) {
end:	do
	:: d_step { own[i] != (alive && sees[i]) -> own[i] = (alive && sees[i]); decide(i) }
	:: d_step { with[i] && !REACHES(i) -> with[i] = false; settled[i] = false }
	:: d_step { !with[i] && REACHES(i) -> connect(i) }
	:: d_step { with[i] && REACHES(i) && (NEWS(0, i) || NEWS(1, i) || NEWS(2, i) || lies[i] != own[i]) -> beat(i) }
	:: d_step { with[i] && !settled[i] && KNOWN(i, 0) && KNOWN(i, 1) && KNOWN(i, 2) -> settled[i] = true; decide(i) }
	:: d_step { with[i] && heard[AT(i, 0)] && !with[0] -> heard[AT(i, 0)] = false; decide(i) }
	:: d_step { with[i] && heard[AT(i, 1)] && !with[1] -> heard[AT(i, 1)] = false; decide(i) }
	:: d_step { with[i] && heard[AT(i, 2)] && !with[2] -> heard[AT(i, 2)] = false; decide(i) }
	/* S94: it has failed, and the network has not. */
	:: d_step { !with[i] && !engine && way[i] && !alone[i] -> alone[i] = true; alone_ever = alone_ever || i == 2; decide(i) }
	:: d_step { alone[i] && (engine || !way[i]) && !with[i] -> alone[i] = false }
	od
}

proctype World() {
end:	do
	:: faults < FAULTS -> faults++;
		if
		:: way[0] = !way[0]
		:: way[1] = !way[1]
		:: way[2] = !way[2]
		:: engine = !engine
#ifndef DEAD
		:: sees[2] = !sees[2]
#endif
#ifdef DIES
		:: alive -> alive = false
#endif
		fi
#ifdef DIES
	:: d_step { !still && !alive -> way[0] = true; way[1] = true; way[2] = true; engine = true; sees[2] = true; faults = FAULTS; still = true }
#endif
	od
}

init {
	byte k = 0;

	atomic {
#ifdef DEAD
		alive = false;
		engine = false;
		do
		:: k < NODES -> own[k] = false; joint[k] = false; with[k] = false; settled[k] = false; alone[k] = true; k++
		:: else -> break
		od;
		k = 0;
		do
		:: k < NODES * NODES -> heard[k] = false; k++
		:: else -> break
		od;
#endif
		run Node(0);
		run Node(1);
		run Node(2);
		run World()
	}
}

#ifdef DIES
/* Nothing can happen any more by itself. */
active proctype Rest() {
	timeout -> assert(!still || (!joint[0] && !joint[1] && !joint[2]))
}
#endif
