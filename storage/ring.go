package storage

import (
	"sort"
	"sync"
)

// ringBytes bounds the newest blocks kept unpacked: a reader that is caught up
// finds them here and neither reads Badger nor decompresses.
const ringBytes = 12 << 20

// ring holds the newest blocks in order, without holes.
type ring struct {
	mu     sync.RWMutex
	blocks []*block
	bytes  int
}

func (r *ring) push(b *block) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if n := len(r.blocks); n > 0 && r.blocks[n-1].end() != b.First {
		r.blocks, r.bytes = nil, 0
	}
	r.blocks = append(r.blocks, b)
	r.bytes += len(b.raw) + len(b.sealed)
	cut := 0
	for r.bytes > ringBytes && cut < len(r.blocks)-1 {
		r.bytes -= len(r.blocks[cut].raw) + len(r.blocks[cut].sealed)
		r.blocks[cut] = nil
		cut++
	}
	if cut > 0 {
		r.blocks = r.blocks[cut:]
	}
}

// find returns the block that holds seq, or nil.
func (r *ring) find(seq uint64) *block {
	r.mu.RLock()
	defer r.mu.RUnlock()
	i := sort.Search(len(r.blocks), func(i int) bool { return r.blocks[i].end() > seq })
	if i == len(r.blocks) || r.blocks[i].First > seq {
		return nil
	}
	return r.blocks[i]
}
