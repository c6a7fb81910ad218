package terminal

import (
	"sync/atomic"

	tea "charm.land/bubbletea/v2"
)

// model is the bubbletea model of the frame.
type model struct {
	live          *live
	columns, rows atomic.Int64
	closing       atomic.Bool
	content       string
}

// redraw is the message that requests a new frame.
type redraw struct{}

// Init does nothing.
func (m *model) Init() tea.Cmd { return nil }

// Update draws a new frame if the screen's size has changed or a redraw is due.
func (m *model) Update(msg tea.Msg) (tea.Model, tea.Cmd) {
	switch msg := msg.(type) {
	case tea.WindowSizeMsg:
		m.columns.Store(int64(msg.Width))
		m.rows.Store(int64(msg.Height))
		m.draw()
	case redraw:
		m.draw()
	}
	return m, nil
}

func (m *model) draw() {
	if columns, rows := m.size(); columns > 0 {
		m.content = m.live.frame(m.live.clock(), columns, rows)
	}
}

// size returns the size of the screen, or 0 before it is known.
func (m *model) size() (columns, rows int) { return int(m.columns.Load()), int(m.rows.Load()) }

// View returns the frame, or an empty view at the end.
func (m *model) View() tea.View {
	content := m.content
	switch {
	case m.closing.Load():
		content = ""
	case content == "":
		content = " "
	}
	view := tea.NewView(content)
	view.DisableBracketedPasteMode = true // the program reads no input
	return view
}
