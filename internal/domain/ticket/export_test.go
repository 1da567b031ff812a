package ticket

// What tests of query plans look at.
var (
	ListQuery   = listQuery
	CountsQuery = countsQuery
	LoadsQuery  = loadsQuery
)

// The queries of one ticket.
const (
	ConversationQuery = conversation
	FindColumns       = columns + tables
)
