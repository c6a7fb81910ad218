package terminal

import (
	"sync/atomic"

	tea "charm.land/bubbletea/v2"
)

// model is what bubbletea draws: the frame, made anew when it is time.
type model struct {
	live          *live
	columns, rows atomic.Int64
	closing       atomic.Bool
	content       string
}

// redraw says that it is time.
type redraw struct{}

// Init does nothing.
func (m *model) Init() tea.Cmd { return nil }

// Update makes the frame.
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

// size is the terminal's; 0 before it is known.
func (m *model) size() (columns, rows int) { return int(m.columns.Load()), int(m.rows.Load()) }

// View is the frame, or nothing at the end.
func (m *model) View() tea.View {
	content := m.content
	switch {
	case m.closing.Load():
		content = ""
	case content == "":
		content = " "
	}
	view := tea.NewView(content)
	view.DisableBracketedPasteMode = true // nobody reads what is pasted
	return view
}
