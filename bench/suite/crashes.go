package suite

import (
	"context"
	"fmt"
	"path/filepath"

	"ripen/bench/crash"
)

func (s *suite) crashes(ctx context.Context) error {
	rounds := s.crash()
	if rounds == 0 {
		return nil
	}
	res, err := crash.Run(ctx, crash.Config{Binary: s.Binary, Dir: filepath.Join(s.dir, "crash"), Rounds: rounds, Log: s.Log})
	if err != nil {
		return err
	}
	note := fmt.Sprintf("%d kills, %d acknowledged, %d resent", res.Rounds, res.Acked, res.Resent)
	s.report.Set(figLost, float64(res.Lost), note)
	s.report.Set(figDuplicated, float64(res.Duplicated), note)
	return res.Err()
}
