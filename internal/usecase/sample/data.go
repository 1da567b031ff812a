package sample

import (
	"bytes"
	"embed"
	"encoding/csv"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"strings"
	"time"
	_ "time/tzdata" // the plan is told in Paris time wherever it runs
)

//go:embed data/*.json data/names.csv data/scenarios/*.json data/files/*
var files embed.FS

// data is what the embedded files say.
type data struct {
	Org       orgData
	Names     []nameData
	Nodes     []struct{ Key, FR, EN, Team string }
	Fields    []fieldData
	Groups    []groupData
	Problems  []problemData
	Replies   []Reply
	Views     []viewData
	Common    commonData
	Scenarios []scenario
	Bursts    []burstData
	Today     []todayData
	files     map[string][]byte
	zone      *time.Location
}

type orgData struct {
	Name, Domain string
	Sites        []siteData
	Departments  []departmentData
	Cast         []castData
	Teams        []teamData
	Accounts     []string
}

type siteData struct {
	Code, Name, City, Country, Zone, Tag, Phone, Lang string
	Weight                                            float64
	Rooms, Floors                                     []string
}

type departmentData struct {
	Code, FR, EN, Parent, Sites string
	Weight                      float64
	Head                        [2]string   // masculine, feminine
	Titles                      [][2]string // the same
}

type castData struct {
	Given, Family, Sex, Title, Dept, Site, Manager, Role, Phone, Asset string
	Head                                                               bool
}

type teamData struct {
	Key, FR, EN, Lead string
	Level             int
	Private           bool
	Members           []string
}

type nameData struct{ given, family, sex string }

// fieldData is a question asked in a category.
type fieldData struct {
	Key, Cat, Type, Kind, FR, EN string
	HelpFR                       string `json:"help_fr"`
	HelpEN                       string `json:"help_en"`
	Options                      []struct{ Value, FR, EN string }
}

// problemData is a cause behind the incidents of a tag.
type problemData struct {
	ID, Tag, Cat, Team, By string
	Impact, Urgency        int
	After                  int // incidents
	Resolved               int // hours after; 0 = not yet
	State, Subject, Text   string
	Cause, Workaround, Fix string
}

// groupData is a set of people: those of some departments, or one in every so many.
type groupData struct {
	Key, FR string
	Depts   []string
	Every   int
}

type viewData struct {
	Key, FR, EN, Owner, Team string
	Query                    map[string]string
}

// commonData holds the phrases that every scenario shares.
type commonData struct {
	FR, EN map[string][]string
	Slots  map[string][]string
}

// scenario is one kind of ticket and the ways it may go.
type scenario struct {
	ID, Lang, Type, Cat string
	Impact, Urgency     int
	Weight              float64
	Start               string // team of arrival, default n1
	Team, Team3         string // levels 2 and 3
	Levels              [3]float64
	Depts               []string // prefixes of the departments it happens to; empty: all
	Tags                []string
	Subjects, Open      []string
	First, Answer, Note []string
	Fix, Cause          []string
	Handover            *Handover
	Second, Answer2     []string
	Fix2, Cause2        []string
	Handover3           *Handover
	Note3, Fix3         []string
	Wait                *waitData
}

type waitData struct {
	On   string
	Days int
	Text []string
}

// burstData is an outage that many people report at once.
type burstData struct {
	ID, Type, Cat, Team, Start string
	Impact, Urgency            int
	Count                      [2]int
	Hours                      int
	WeeksAgo, Weekday, Hour    int
	Monthday                   string // "09-01": instead of WeeksAgo and Weekday
	Today                      bool   // began Hours working hours ago and still lasts
	OpenToday                  int    `json:"open_today"`
	Sites, Depts, Cast, Tags   []string
	Subjects, Open, Reply      []string
	Handover                   *Handover
	Fix, Cause                 []string
}

// todayData is a story written by hand whose times are working minutes before now.
type todayData struct {
	ID, Lang, Type, Cat, Requester, Channel, Team, Subject string
	Impact, Urgency                                        int
	Tags, Watchers                                         []string
	Steps                                                  []struct {
		Before                 int
		By, Kind, Text, To, On string
		Team                   string
		Files                  []string // of data/files
		Handover
	}
}

// load reads the embedded files. Unknown keys are errors, so that a misspelt key does not silence a text.
func load() (*data, error) {
	d := &data{}
	for name, v := range map[string]any{
		"org": &d.Org, "categories": &d.Nodes, "replies": &d.Replies, "views": &d.Views, "fields": &d.Fields, "groups": &d.Groups, "problems": &d.Problems, "common": &d.Common,
		"bursts": &d.Bursts, "today": &d.Today,
	} {
		if err := decode("data/"+name+".json", v); err != nil {
			return nil, err
		}
	}
	names, err := fs.Glob(files, "data/scenarios/*.json")
	if err != nil {
		return nil, err
	}
	for _, name := range names { // sorted by Glob
		var s []scenario
		if err := decode(name, &s); err != nil {
			return nil, err
		}
		d.Scenarios = append(d.Scenarios, s...)
	}
	if d.Names, err = readNames(); err != nil {
		return nil, err
	}
	if err := d.attach(); err != nil {
		return nil, err
	}
	d.zone, err = time.LoadLocation("Europe/Paris")
	return d, err
}

// attach reads the files that today's stories name.
func (d *data) attach() error {
	d.files = map[string][]byte{}
	for _, t := range d.Today {
		for _, s := range t.Steps {
			for _, name := range s.Files {
				b, err := files.ReadFile("data/files/" + name)
				if err != nil {
					return err
				}
				d.files[name] = b
			}
		}
	}
	return nil
}

func decode(name string, v any) error {
	b, err := files.ReadFile(name)
	if err != nil {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(b))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return fmt.Errorf("%s: %w", path.Base(name), err)
	}
	return nil
}

func readNames() ([]nameData, error) {
	f, err := files.Open("data/names.csv")
	if err != nil {
		return nil, err
	}
	defer f.Close()
	rows, err := csv.NewReader(f).ReadAll()
	if err != nil {
		return nil, fmt.Errorf("names.csv: %w", err)
	}
	out := make([]nameData, 0, len(rows))
	for _, r := range rows[1:] {
		out = append(out, nameData{r[0], r[1], r[2]})
	}
	return out, nil
}

func (d *data) categories() []Category {
	out := make([]Category, 0, len(d.Nodes))
	for _, n := range d.Nodes {
		c := Category{Key: n.Key, Name: Text{n.FR, n.EN}, Team: n.Team}
		if i := strings.LastIndexByte(n.Key, '.'); i > 0 {
			c.Parent = n.Key[:i]
		}
		out = append(out, c)
	}
	return out
}

// phrases are the shared phrases of a language.
func (d *data) phrases(lang string) map[string][]string {
	if lang == "en" {
		return d.Common.EN
	}
	return d.Common.FR
}
