package main

import (
	"context"
	"fmt"
	"os"
	"strings"
	"time"

	tea "charm.land/bubbletea/v2"

	"weir/coordinator"
)

type topCmd struct{ askFlags }

func (topCmd) Help() string {
	return `Shows a cluster as it is now, every second, until q is pressed. Up and down, or k and j, move through the clients. Where
stdout is no terminal it prints what weir status prints.

Examples:
  weir top --dir runs/quickstart-1
  weir top --at https://10.0.0.1:8080 --at https://10.0.0.2:8080 --keys keys/operator`
}

// Run shows the cluster until it is told to stop.
func (c *topCmd) Run(ctx context.Context, term terminal) error {
	asker, err := c.asker()
	if err != nil {
		return err
	}
	defer asker.Close()
	first, err := asker.Status(ctx)
	if err != nil {
		return explain(err)
	}
	if !isTerminal(term.out) || !isTerminal(os.Stdin) {
		return printStatus(term.out, first)
	}
	screen := &topScreen{ctx: ctx, asker: asker, status: first}
	_, err = tea.NewProgram(screen, tea.WithContext(ctx), tea.WithOutput(term.out), tea.WithoutSignalHandler()).Run()
	if ctx.Err() != nil {
		return nil // Ctrl-C is a way to leave, too
	}
	return err
}

// topEvery is how often the cluster is asked.
const topEvery = time.Second

// topScreen is what weir top shows. It is asked and drawn by one goroutine.
type topScreen struct {
	ctx    context.Context //nolint:containedctx // of the program that owns it
	asker  *coordinator.Asker
	status coordinator.Status
	err    error // why the status is an old one
	width  int
	height int
	first  int // of the clients that are shown
}

// answered is what came of asking once.
type answered struct {
	status coordinator.Status
	err    error
}

// Init asks for the next status.
func (s *topScreen) Init() tea.Cmd { return s.ask() }

func (s *topScreen) ask() tea.Cmd {
	return tea.Tick(topEvery, func(time.Time) tea.Msg {
		status, err := s.asker.Status(s.ctx)
		return answered{status, err}
	})
}

// Update takes a key, the screen's size, or an answer.
func (s *topScreen) Update(m tea.Msg) (tea.Model, tea.Cmd) {
	switch m := m.(type) {
	case tea.WindowSizeMsg:
		s.width, s.height = m.Width, m.Height
	case tea.KeyPressMsg:
		switch m.String() {
		case "q", "ctrl+c", "esc":
			return s, tea.Quit
		case "down", "j":
			s.first = min(s.first+1, max(0, len(s.status.Clients)-1))
		case "up", "k":
			s.first = max(s.first-1, 0)
		}
	case answered:
		if s.err = m.err; m.err == nil {
			s.status = m.status
		}
		return s, s.ask()
	}
	return s, nil
}

// View draws the screen.
func (s *topScreen) View() tea.View {
	v := tea.NewView(strings.Join(s.lines(), "\n"))
	v.AltScreen = true
	return v
}

// lines are those that fit.
func (s *topScreen) lines() []string {
	at := s.status
	lines := []string{printable(at.Run + ": " + headline(at)), bar(at.Done, min(s.width, 60)), ""}
	if s.err != nil {
		reason, _, _ := strings.Cut(s.err.Error(), "\n")
		lines[2] = printable(reason + "; this is what was last heard")
	}
	lines = append(append(lines, columns(nodeRows(at))...), "")
	clients := columns(clientRows(at))
	lines = append(lines, clients[0])
	room := max(0, s.height-len(lines)-1)
	first := min(s.first, max(0, len(at.Clients)-room))
	shown := clients[1:][first:]
	shown = shown[:min(room, len(shown))]
	lines = append(lines, shown...)
	lines = append(lines, fmt.Sprintf("q quits  clients %d-%d of %d", first+min(1, len(shown)), first+len(shown), len(at.Clients)))
	for i, line := range lines {
		if letters := []rune(line); len(letters) > s.width {
			lines[i] = string(letters[:s.width])
		}
	}
	return lines
}

// bar draws how much is done.
func bar(done float64, width int) string {
	inside := max(0, width-2)
	full := min(inside, int(done*float64(inside)))
	return "[" + strings.Repeat("#", full) + strings.Repeat(" ", inside-full) + "]"
}
